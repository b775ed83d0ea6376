import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Duration } from "../../gen/es/budget/v1/budget_pb.ts";
import { type Database, openPostgres } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { DatabaseUnfit } from "../../src/store/requirements.ts";
import { type Postgres, startPostgres, withClient } from "../support/postgres.ts";
import { startTestServer } from "../support/server.ts";

/** Settings of a database or a role that differ from what Purser's statements and parsers assume. */
const SETTINGS = [
  "DateStyle = 'SQL, DMY'",
  "DateStyle = 'German'",
  "IntervalStyle = 'sql_standard'",
  "TimeZone = 'America/St_Johns'",
  "extra_float_digits = 0",
  "bytea_output = 'escape'",
  "standard_conforming_strings = off",
  "default_transaction_isolation = 'serializable'",
  "default_transaction_deferrable = on",
  "client_encoding = 'LATIN1'",
  "lc_messages = 'de_DE.UTF-8'",
  "search_path = 'own', 'public'",
];

describe("a PostgreSQL with other settings", () => {
  const stack = new AsyncDisposableStack();
  let postgres: Postgres;
  before(async () => {
    postgres = stack.use(await startPostgres());
  });
  after(() => stack.disposeAsync());

  const open = (url: string): Database =>
    openPostgres({ url, connectionsMax: 2, timeoutMs: 60_000, onIdleError: (error) => assert.fail(error) });
  const alter = (url: string, setting: string): Promise<unknown> =>
    withClient(url, (client) => client.query(`alter database ${databaseOf(url)} set ${setting}`));

  for (const setting of SETTINGS) {
    it(`works as with its defaults: ${setting}`, async () => {
      const url = await postgres.createDatabase();
      await withClient(url, (client) => client.query("create schema own"));
      await alter(url, setting).catch((error: { code?: string }) => {
        // A PostgreSQL without this locale cannot use it.
        if (error.code !== "22023") throw error;
      });
      await using server = await startTestServer({ DATABASE_URL: url });
      const name = { project: "π", user: "Zoë \\ 'quoted' 😀" };
      const created = await server.grpc.createBudget({
        ...name,
        totalBudgetNanoUsd: 1000n,
        duration: Duration.MONTHLY,
      });
      const { reservation } = await server.grpc.reserveCost({
        ...name,
        model: "m",
        amount: { case: "costNanoUsd", value: 7n },
      });
      const source = { case: "cost", value: { model: "m", costNanoUsd: 3n } } as const;
      await Promise.all(Array.from({ length: 20 }, () => server.grpc.updateCost({ ...name, source })));
      await server.grpc.updateCost({ ...name, source, reservationId: reservation?.reservationId });
      const { budget } = await server.grpc.getBudget(name);
      assert.deepEqual(budget?.periodStart, created.budget?.periodStart);
      assert.deepEqual(budget?.periodEnd, created.budget?.periodEnd);
      assert.deepEqual([budget?.spentNanoUsd, budget?.heldNanoUsd], [63n, 0n]);
      const { entries } = await server.grpc.listCostEntries(name);
      const times = entries.map(({ createTime }) => createTime?.seconds ?? 0n);
      assert.equal(times.length, 21);
      const createdAt = created.budget?.createTime?.seconds ?? 0n;
      assert.ok(times.every((seconds) => seconds >= createdAt && seconds < createdAt + 600n));
    });
  }

  for (const [what, make, why] of [
    [
      "another encoding than UTF-8",
      (url: string) => recreate(url, "encoding 'LATIN1' locale 'C' template template0"),
      /^PostgreSQL at 127\.0\.0\.1:\d+\/\w+ has the encoding LATIN1, which cannot store every name; create one with: create database \.\.\. encoding 'UTF8' template template0$/,
    ],
    [
      "no writes",
      (url: string) => alter(url, "default_transaction_read_only = on"),
      /is read-only: it is a standby, or default_transaction_read_only is on; set DATABASE_URL to the primary$/,
    ],
    ["array_nulls off", (url: string) => alter(url, "array_nulls = off"), /has array_nulls off/],
  ] as const) {
    it(`is refused at start, in one sentence: ${what}`, async () => {
      const url = await postgres.createDatabase();
      await make(url);
      await using database = open(url);
      await assert.rejects(migrate(database), (error: Error) => {
        assert.ok(error instanceof DatabaseUnfit);
        assert.match(error.message, why);
        return true;
      });
    });
  }
});

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

const recreate = (url: string, options: string): Promise<void> =>
  withClient(Object.assign(new URL(url), { pathname: "/postgres" }).href, async (client) => {
    await client.query(`drop database ${databaseOf(url)}`);
    await client.query(`create database ${databaseOf(url)} ${options}`);
  });
