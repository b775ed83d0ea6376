import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { sql } from "kysely";
import pino from "pino";
import { BudgetView, Duration } from "../../gen/es/budget/v1/budget_pb.ts";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { Role } from "../../gen/es/budget/v1/key_pb.ts";
import { KeyService } from "../../gen/es/budget/v1/key_service_pb.ts";
import { withHeaders } from "../../src/client/connect.ts";
import { loadConfig } from "../../src/config.ts";
import { startServer } from "../../src/server/server.ts";
import { type Database, openPostgres } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { headerOf } from "../support/keys.ts";
import { startPostgres } from "../support/postgres.ts";

/** The requirements of a PostgreSQL that shards by `project`. */
describe("the schema and the statements", () => {
  const stack = new AsyncDisposableStack();
  let url: string;
  let database: Database;
  before(async () => {
    const postgres = stack.use(await startPostgres());
    url = await postgres.createDatabase();
    const onIdleError = (error: Error) => assert.fail(error);
    database = stack.use(openPostgres({ url, connectionsMax: 3, timeoutMs: 60_000, onIdleError }));
    await migrate(database);
  });
  after(() => stack.disposeAsync());

  const tables = async (): Promise<string[]> => {
    const { rows } = await sql<{ name: string }>`
      select tablename as name from pg_tables where schemaname = 'public' order by 1`.execute(
      database.kysely,
    );
    return rows.map((row) => row.name).filter((name) => name !== "purser_migrations");
  };

  it("begin every unique key with project", async () => {
    const { rows } = await sql<{ table: string; first: string }>`
      select i.indrelid::regclass::text as table, a.attname as first
      from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      join pg_class c on c.oid = i.indrelid
      where i.indisunique and c.relnamespace = 'public'::regnamespace order by 1`.execute(database.kysely);
    const keys = rows.filter((row) => row.table !== "purser_migrations");
    assert.deepEqual(keys.map((row) => row.table).toSorted(), await tables());
    assert.ok(
      keys.every((row) => row.first === "project"),
      JSON.stringify(keys),
    );
  });

  it("have no foreign keys, which could cross projects", async () => {
    const { rows } = await sql`select conname from pg_constraint where contype = 'f'`.execute(
      database.kysely,
    );
    assert.deepEqual(rows, []);
  });

  it("compare every name by bytes", async () => {
    const { rows } = await sql`
      select c.relname, a.attname from pg_attribute a
      join pg_class c on c.oid = a.attrelid and c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
      where a.attname in ('project', 'user_id', 'request_id', 'model', 'parent_user_id')
        and a.attcollation <> 'pg_catalog."C"'::regcollation`.execute(database.kysely);
    assert.deepEqual(rows, []);
  });

  it("name the project in every statement that touches a table, except for the lists of projects of the sweep, and for keys, which callers send without a project", async () => {
    const statements = await statementsOfAllCalls(url);
    const names = await tables();
    const touching = statements.filter((text) =>
      names.some((name) => new RegExp(`\\b${name}\\b`).test(text)),
    );
    const nameless = touching.filter((text) => !namesProject(text));
    assert.ok(touching.length > 20);
    assert.deepEqual([...new Set(nameless.map((text) => text.trim().split("\n", 1)[0]))].toSorted(), [
      "select clock_timestamp() as clock, k.key_id as found, k.*",
      "select exists (select from keys) as found",
      "with recursive projects as (",
    ]);
  });
});

/** The statement compares project with a value, joins on it, or inserts it. */
const namesProject = (text: string): boolean =>
  /"?project"? = (\$\d+|any\(\$|(?!projects\.)[a-z]+\.project)/.test(text) ||
  /insert into "?\w+"? \("?project"?,/.test(text.replaceAll(/\s+/g, " ").replaceAll("( ", "("));

/** From then on, every call needs a key. */
async function callWithKeys(baseUrl: string): Promise<void> {
  const { secret } = await createClient(KeyService, createGrpcTransport({ baseUrl })).createKey({
    name: "operator",
    role: Role.OPERATOR,
  });
  const interceptors = [withHeaders(headerOf(secret))];
  const client = createClient(KeyService, createGrpcTransport({ baseUrl, interceptors }));
  const { key } = await client.createKey({ project: "statements", name: "reader", role: Role.READER });
  await client.listKeys({ project: "statements" });
  await client.listAuditEntries({ project: "statements" });
  await client.revokeKey({ project: "statements", keyId: key?.keyId ?? "" });
}

/** Makes every call once, and returns the statements that the server ran for them. */
async function statementsOfAllCalls(url: string): Promise<string[]> {
  const statements: string[] = [];
  const config = loadConfig({ DATABASE_URL: url, GRPC_PORT: "0", HTTP_PORT: "0" });
  const open = async (): Promise<Database> =>
    openPostgres({
      url,
      connectionsMax: 5,
      timeoutMs: 60_000,
      onIdleError: (error) => assert.fail(error),
      onStatement: (text) => statements.push(text),
    });
  await using server = await startServer(config, pino({ level: "silent" }), open);
  const baseUrl = `http://127.0.0.1:${server.grpcPort}`;
  const client = createClient(BudgetService, createGrpcTransport({ baseUrl }));
  const name = { project: "statements", user: "alice" };
  await client.createBudget({ ...name, totalBudgetNanoUsd: 10n ** 10n, duration: Duration.DAILY });
  await client.getBudget(name);
  await client.updateBudget({
    ...name,
    updateMask: { paths: ["total_budget_nano_usd"] },
    totalBudgetNanoUsd: 1n,
  });
  await client.projectedCost({ ...name, model: "gpt-4o-mini", text: "hello" });
  await client.updateCost({ ...name, source: { case: "cost", value: { model: "m", costNanoUsd: 1n } } });
  await client.getCurrentCost(name);
  const amount = { case: "costNanoUsd", value: 0n } as const;
  const { reservation } = await client.reserveCost({ ...name, model: "m", amount });
  const reservationId = reservation?.reservationId ?? "";
  await client.extendReservation({ project: name.project, reservationId, ttl: { seconds: 60n } });
  await client.releaseReservation({ project: name.project, reservationId });
  await client.listReservations(name);
  await client.getBudget({ ...name, view: BudgetView.FULL });
  await client.createBudget({ project: name.project, user: "child", parent: name.user });
  await client.deleteBudget({ project: name.project, user: "child" });
  await client.setModelPrice({
    project: name.project,
    price: { model: "m", rates: [{ dimension: "input", usd: "1" }] },
  });
  await client.listModelPrices({ project: name.project });
  await client.deleteModelPrice({ project: name.project, model: "m" });
  await client.resetCost(name);
  await client.listUsers({ project: "statements", userPrefix: "a" });
  await client.listCostEntries({ ...name });
  await client.listPeriods(name);
  await client.sweepDurations({});
  await client.sweepDurations(name);
  for (const [path, body] of [
    [
      "/set_budget",
      { project_name: "statements", user_dict: { bob: { total_budget: 1, current_cost: 0.5 } } },
    ],
    [
      "/set_budget",
      { project_name: "statements", user_dict: { bob: { total_budget: 2, current_cost: 0.6 } } },
    ],
    ["/get_budget", { project_name: "statements" }],
  ] as const) {
    const response = await fetch(`http://127.0.0.1:${server.httpPort}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 200);
  }
  await client.deleteBudget(name);
  await callWithKeys(baseUrl);
  return statements;
}
