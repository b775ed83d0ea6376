import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { sql } from "kysely";
import type { Database } from "./database.ts";
import { checkDatabase } from "./requirements.ts";

/** The schema cannot be migrated. The message says why, and what to do. */
export class MigrationError extends Error {
  override name = "MigrationError";
}

interface Migration {
  version: number;
  name: string;
  statements: string[];
  checksum: string;
}

/** An arbitrary number. Other programs must not use it for advisory locks in the same database. */
const ADVISORY_LOCK = 7_233_894_212;

export const MIGRATIONS_FOLDER = new URL("../../migrations/", import.meta.url);

/**
 * Runs all pending migrations in one transaction. An advisory lock makes it safe to start any number of servers at the same
 * time.
 *
 * @throws DatabaseUnfit when Purser cannot use the database. MigrationError when a newer version of Purser has migrated it, or
 *   a migration was changed after it ran.
 */
export async function migrate(database: Database, folder: URL = MIGRATIONS_FOLDER): Promise<void> {
  await checkDatabase(database);
  const migrations = await readMigrations(folder);
  await database.unlimited.transaction().execute(async (transaction) => {
    // The lock ends with the transaction, so it works through a pooler, and a crash does not leave it behind.
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
      `the database has migration ${applied.name}, which this version of Purser does not know: it was made by a newer version. Start that version, or restore an older database`,
    );
  }
  if (known.checksum !== applied.checksum) {
    throw new MigrationError(
      `migration ${known.name} was changed after it had run on this database; restore the original file`,
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

/** Splits a migration at each semicolon that ends a line. Migrations must keep to this rule, so that no SQL parser is needed. */
const splitStatements = (text: string): string[] =>
  text
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/^--.*$/gm, "").trim() !== "");
