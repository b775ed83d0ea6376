import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { sql } from "kysely";
import { type Database, openEmbedded, openPostgres } from "../../src/store/database.ts";
import { MIGRATIONS_FOLDER, MigrationError, migrate } from "../../src/store/migrate.ts";
import { type Postgres, startPostgres } from "../support/postgres.ts";

const names = (await readdir(MIGRATIONS_FOLDER)).toSorted();
const OURS = names.map((name, index) => ({ version: index + 1, name }));
/** A migration of a future version. */
const MORE = `${String(names.length + 1).padStart(4, "0")}_more.sql`;

const appliedTo = async ({ kysely }: Database): Promise<unknown[]> =>
  (await sql`select version, name from purser_migrations order by version`.execute(kysely)).rows;

describe("migrations", () => {
  const stack = new AsyncDisposableStack();
  let postgres: Postgres;
  let folder: string;
  before(async () => {
    postgres = stack.use(await startPostgres());
    folder = await mkdtemp(join(tmpdir(), "purser-migrations-"));
    stack.defer(() => rm(folder, { recursive: true }));
  });
  after(() => stack.disposeAsync());

  const open = (url: string): Database =>
    openPostgres({ url, connectionsMax: 3, timeoutMs: 60_000, onIdleError: (error) => assert.fail(error) });

  /** The project's migrations, and one more. */
  const withOneMore = async (name: string, text: string): Promise<URL> => {
    const copy = join(folder, name);
    await cp(MIGRATIONS_FOLDER, copy, { recursive: true });
    await writeFile(join(copy, MORE), text);
    return pathToFileURL(`${copy}/`);
  };

  it("run once, however many servers start concurrently", async () => {
    const url = await postgres.createDatabase();
    await using servers = new AsyncDisposableStack();
    const ten = Array.from({ length: 10 }, () => servers.use(open(url)));
    await Promise.all(ten.map((database) => migrate(database)));
    assert.deepEqual(await appliedTo(ten[0] as Database), OURS);
  });

  it("are refused if newer code has made the database", async () => {
    await using database = open(await postgres.createDatabase());
    await migrate(database, await withOneMore("newer", "create table newer (project text primary key);"));
    await assert.rejects(migrate(database), (error: Error) => {
      assert.ok(error instanceof MigrationError);
      assert.match(error.message, new RegExp(`${MORE}.*newer version`));
      return true;
    });
  });

  it("are refused if one of them was changed after it had run", async () => {
    await using database = open(await postgres.createDatabase());
    await migrate(database, await withOneMore("before", "select 1;"));
    await assert.rejects(
      migrate(database, await withOneMore("after", "select 2;")),
      new RegExp(`${MORE} was changed`),
    );
  });

  it("leave nothing behind if one of them fails", async () => {
    await using database = open(await postgres.createDatabase());
    const broken = await withOneMore("broken", "create table half (a text);\nselect nonsense;");
    await assert.rejects(migrate(database, broken), /nonsense/);
    const tables = await sql`select 1 from pg_tables where schemaname = 'public'`.execute(database.kysely);
    assert.deepEqual(tables.rows, []);
    await migrate(database);
    assert.deepEqual(await appliedTo(database), OURS);
  });

  it("run on the embedded store too, and accept its folder on the next start", async () => {
    const data = join(folder, "embedded");
    for (const _start of ["first", "second"]) {
      await using database = await openEmbedded({ folder: data });
      await migrate(database);
      assert.deepEqual(await appliedTo(database), OURS);
    }
  });
});
