import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { sql } from "kysely";
import type { Database } from "./database.ts";
import { checkDatabase } from "./requirements.ts";

export class MigrationError extends Error {
  override name = "MigrationError";
}

interface Migration {
  version: number;
  name: string;
  statements: string[];
  checksum: string;
}

// Any constant will do, as long as no other program takes an advisory lock with it in the same database.
const ADVISORY_LOCK = 7_233_894_212;

export const MIGRATIONS_FOLDER = new URL("../../migrations/", import.meta.url);

/**
 * Brings the schema to what the code needs: all pending migrations in one transaction, under an advisory lock, so that
 * any number of servers may start at once.
 *
 * @throws DatabaseUnfit when the database is one that Purser cannot use, MigrationError when the database was made by newer code, or a migration was changed after it ran.
 */
export async function migrate(database: Database, folder: URL = MIGRATIONS_FOLDER): Promise<void> {
  await checkDatabase(database);
  const migrations = await readMigrations(folder);
  await database.unlimited.transaction().execute(async (transaction) => {
    // Released with the transaction: nothing is left behind, and a pooler in between does not matter.
    await sql`select pg_advisory_xact_lock(${sql.lit(ADVISORY_LOCK)})`.execute(transaction);
    await sql`create table if not exists purser_migrations (
      version integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`.execute(transaction);
    const applied = await sql<{ version: number; name: string; checksum: string }>`
      select version, name, checksum from purser_migrations order by version
    `.execute(transaction);

    for (const row of applied.rows) checkApplied(row, migrations);
    for (const migration of migrations.slice(applied.rows.length)) {
      for (const statement of migration.statements) await sql.raw(statement).execute(transaction);
      await sql`insert into purser_migrations (version, name, checksum)
        values (${migration.version}, ${migration.name}, ${migration.checksum})`.execute(transaction);
    }
  });
}

function checkApplied(
  applied: { version: number; name: string; checksum: string },
  migrations: readonly Migration[],
): void {
  const known = migrations[applied.version - 1];
  if (known === undefined) {
    throw new MigrationError(
      `the database has migration ${applied.name}, which this version of Purser does not know: it was made by a newer version. Start that one, or restore an older database`,
    );
  }
  if (known.checksum !== applied.checksum) {
    throw new MigrationError(
      `migration ${known.name} was changed after it had run on this database; put the file back as it was`,
    );
  }
}

async function readMigrations(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted();
  return Promise.all(
    names.map(async (name, index) => {
      const version = Number.parseInt(name, 10);
      if (version !== index + 1) throw new MigrationError(`${name}: expected number ${index + 1}`);
      const text = await readFile(new URL(name, folder), "utf8");
      const checksum = createHash("sha256").update(text).digest("hex");
      return { version, name, statements: splitStatements(text), checksum };
    }),
  );
}

/** A statement ends with a semicolon at the end of a line: a rule for migrations that spares us a parser. */
const splitStatements = (text: string): string[] =>
  text
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/^--.*$/gm, "").trim() !== "");
