import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { dumpSchema } from "../../scripts/dump-schema.ts";
import { type Database, openInMemory, openPostgres } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { type Postgres, startPostgres } from "../support/postgres.ts";
import { STORES } from "../support/server.ts";

const file = await readFile(new URL("../../docs/schema.sql", import.meta.url), "utf8");

/** PostgreSQL's catalogs, read by queries that share nothing with the script that wrote the file. */
const CATALOGS = [
  `select table_name, column_name, ordinal_position, data_type, udt_name, collation_name, is_nullable, column_default
   from information_schema.columns where table_schema = 'public' order by table_name, ordinal_position`,
  `select conrelid::regclass::text as of_table, conname, contype, pg_get_constraintdef(oid) as definition
   from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n' order by 1, 2`,
  "select tablename, indexname, indexdef from pg_indexes where schemaname = 'public' order by 1, 2",
  `select relname, relkind, reloptions from pg_class where relnamespace = 'public'::regnamespace order by 1`,
  "select proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace order by 1",
  `select tgname, pg_get_triggerdef(pg_trigger.oid) as definition from pg_trigger
   join pg_class on pg_class.oid = tgrelid
   where relnamespace = 'public'::regnamespace and not tgisinternal order by 1`,
];

const catalogsOf = ({ kysely }: Database): Promise<unknown[][]> =>
  Promise.all(CATALOGS.map(async (query) => (await sql.raw(query).execute(kysely)).rows));

describe("docs/schema.sql", () => {
  const stack = new AsyncDisposableStack();
  let postgres: Postgres;
  before(async () => {
    postgres = stack.use(await startPostgres());
  });
  after(() => stack.disposeAsync());

  for (const kind of STORES) {
    const openEmpty = async (): Promise<Database> =>
      kind === "PGlite"
        ? openInMemory()
        : openPostgres({
            url: await postgres.createDatabase(),
            connectionsMax: 2,
            timeoutMs: 60_000,
            onIdleError: (error) => assert.fail(error),
          });

    it(`is the schema that the migrations make on ${kind} (npm run docs:schema rewrites it)`, async () => {
      await using migrated = await openEmpty();
      await migrate(migrated);
      assert.equal(await dumpSchema(migrated), file);
    });

    it(`makes the same schema in an empty database on ${kind}`, async () => {
      await using migrated = await openEmpty();
      await migrate(migrated);
      await using made = await openEmpty();
      for (const statement of file
        .split(/;\n/)
        .filter((text) => text.replaceAll(/^--.*$/gm, "").trim() !== ""))
        await sql.raw(statement).execute(made.kysely);
      const catalogs = await catalogsOf(made);
      assert.deepEqual(catalogs, await catalogsOf(migrated));
      assert.ok(catalogs[0]?.length);
    });
  }

  it("is never written incomplete: the script fails on objects that it cannot print", async () => {
    await using database = await openInMemory();
    await sql`create view totals as select 1 as one`.execute(database.kysely);
    await assert.rejects(dumpSchema(database), /cannot print these yet: v totals/);
  });
});
