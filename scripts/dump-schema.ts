import { writeFile } from "node:fs/promises";
import { type Kysely, sql } from "kysely";
import { type Database, openInMemory } from "../src/store/database.ts";
import { migrate } from "../src/store/migrate.ts";

/**
 * Writes the schema after all migrations to docs/schema.sql: `npm run docs:schema`. The file is SQL that creates the
 * same schema in an empty database. It is read from PostgreSQL's catalogs, because pg_dump is not installed everywhere.
 */
const TARGET = new URL("../docs/schema.sql", import.meta.url);

const HEADER = `-- The schema of this version, as \`npm run docs:schema\` reads it from a migrated database. It is for reading: servers make
-- the schema from migrations/, whose comments say what the tables and columns are for.
`;

type Catalogs = Kysely<never>;

/** The schema as SQL, ordered by names only. @throws Error for a kind of object that it cannot print. */
export async function dumpSchema(database: Pick<Database, "kysely">): Promise<string> {
  const catalogs = database.kysely as unknown as Catalogs;
  await refuseUnknownKinds(catalogs);
  const tables = await texts(catalogs, TABLES);
  const unvalidated = await texts(catalogs, NOT_VALIDATED);
  const functions = await texts(catalogs, FUNCTIONS);
  const indexes = await texts(catalogs, INDEXES);
  const triggers = await texts(catalogs, TRIGGERS);
  return [HEADER, ...functions, ...tables, unvalidated.join("\n"), indexes.join("\n"), triggers.join("\n")]
    .filter((part) => part !== "")
    .map((part) => `${part.trimEnd()}\n`)
    .join("\n");
}

const texts = async (catalogs: Catalogs, query: string): Promise<string[]> =>
  (await sql.raw<{ text: string }>(query).execute(catalogs)).rows.map(({ text }) => text);

const HERE = "= 'public'::regnamespace";

async function refuseUnknownKinds(catalogs: Catalogs): Promise<void> {
  const found = await texts(catalogs, UNKNOWN_KINDS);
  if (found.length > 0) throw new Error(`dump-schema.ts cannot print these yet: ${found.join(", ")}`);
}

/** Lists objects that the dump cannot print: other relations, types, partitions, inheritance, and generated columns. */
const UNKNOWN_KINDS = `
  select relkind::text || ' ' || relname as text from pg_class
  where relnamespace ${HERE} and (relkind not in ('r', 'i') or relispartition)
  union all
  select 'type ' || typname from pg_type where typnamespace ${HERE} and typrelid = 0 and typelem = 0
  union all
  select 'inheritance of ' || inhrelid::regclass::text from pg_inherits
  union all
  select 'column ' || attrelid::regclass::text || '.' || attname from pg_attribute
  join pg_class on pg_class.oid = attrelid
  where relnamespace ${HERE} and relkind = 'r' and attnum > 0 and not attisdropped and (attidentity <> '' or attgenerated <> '')
  union all
  select 'foreign key ' || conname from pg_constraint where connamespace ${HERE} and contype = 'f'
  order by 1`;

/** Columns in order, then the primary key, then the other constraints by name. */
const TABLES = `
  select 'create table ' || quote_ident(c.relname) || E' (\\n' || parts.text || E'\\n)'
    || coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', '') || ';' as text
  from pg_class c
  cross join lateral (
    select string_agg('  ' || part.text, E',\\n' order by part.kind, part.place, part.name collate "C") as text
    from (
      select 0 as kind, a.attnum::integer as place, '' as name,
        quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
          || case when a.attcollation <> t.typcollation then ' collate ' || quote_ident(l.collname) else '' end
          || case when a.attnotnull then ' not null' else '' end
          || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') as text
      from pg_attribute a
      join pg_type t on t.oid = a.atttypid
      left join pg_collation l on l.oid = a.attcollation
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      union all
      -- Not-null constraints have rows of their own from PostgreSQL 18 on; the columns say them already.
      select case k.contype when 'p' then 1 else 2 end, 0, k.conname,
        'constraint ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid)
      from pg_constraint k where k.conrelid = c.oid and k.contype in ('p', 'u', 'c', 'x') and k.convalidated
    ) part
  ) parts
  where c.relnamespace ${HERE} and c.relkind = 'r'
  order by c.relname collate "C"`;

/** Constraints that hold for new rows only: a create table would take them for ones that hold for all. */
const NOT_VALIDATED = `
  select 'alter table ' || quote_ident(c.relname) || ' add constraint ' || quote_ident(k.conname) || ' '
    || pg_get_constraintdef(k.oid) || ';' as text
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  where k.connamespace ${HERE} and not k.convalidated
  order by c.relname collate "C", k.conname collate "C"`;

/** Indexes that no constraint makes. */
const INDEXES = `
  select replace(pg_get_indexdef(i.indexrelid), ' public.', ' ') || ';' as text
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  where c.relnamespace ${HERE} and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
  order by c.relname collate "C"`;

const FUNCTIONS = `
  select replace(pg_get_functiondef(oid), ' public.', ' ') || ';' as text
  from pg_proc where pronamespace ${HERE}
  order by proname collate "C", oid`;

const TRIGGERS = `
  select replace(pg_get_triggerdef(t.oid), ' public.', ' ') || ';' as text
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  where c.relnamespace ${HERE} and not t.tgisinternal
  order by t.tgname collate "C"`;

if (import.meta.main) {
  await using database = await openInMemory();
  await migrate(database);
  await writeFile(TARGET, await dumpSchema(database));
}
