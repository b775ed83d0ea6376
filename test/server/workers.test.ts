import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import pino from "pino";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { loadConfig } from "../../src/config.ts";
import { openDatabase } from "../../src/server/server.ts";
import { makeBudgets, startLoad } from "../support/load.ts";
import { type LogLine, logged, logOf } from "../support/log.ts";
import { type Postgres, startPostgres } from "../support/postgres.ts";
import { type Program, startProgram } from "../support/program.ts";
import { SEED } from "../support/run.ts";
import type { BudgetClient } from "../support/server.ts";

const CONNECTIONS = 16;

/** Clients with a connection each, because connections, not calls, are distributed among the workers. */
async function clientsOf(program: Program): Promise<BudgetClient[]> {
  const [address] = await program.saying(/gRPC +(\S+)\n[^]*GetCurrentCost/);
  return Array.from({ length: CONNECTIONS }, () =>
    createClient(BudgetService, createGrpcTransport({ baseUrl: `http://${address}` })),
  );
}

const httpOf = async (program: Program): Promise<string> =>
  (await program.saying(/Connect, gRPC-Web +(http:\S+)\n[^]*GetCurrentCost/))[0] ?? "";

const pidsOf = (lines: readonly LogLine[]): number[] => lines.map((line) => Number(line["workerPid"]));

describe("two workers behind the same free ports", () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres[Symbol.asyncDispose]());

  it("charge a hot budget to the last nano-dollar, also if one of them is killed under load", async () => {
    await using stack = new AsyncDisposableStack();
    const DATABASE_URL = await postgres.createDatabase();
    const program = stack.use(startProgram({ DATABASE_URL, WORKERS: "2", LOG_LEVEL: "trace" }));
    const clients = await clientsOf(program);
    const [first] = clients as [BudgetClient];
    const workers = pidsOf(await logged(program, "a worker is serving", 2));
    assert.equal(new Set([...workers, program.process.pid]).size, 3);
    assert.equal(program.stdout.match(/Purser is ready/g)?.length, 1);

    await makeBudgets(first);
    const load = startLoad(async (caller) => clients[caller] ?? first, SEED);
    await load.answered(300);
    const charging = logOf(program).filter(({ sql }) => /insert into entries/.test(String(sql)));
    assert.deepEqual(new Set(charging.map(({ pid }) => pid)), new Set(workers));
    process.kill(workers[0] ?? 0, "SIGKILL");
    const [end] = await logged(program, "a worker ended; another one replaces it", 1);
    assert.equal(end?.["end"], "SIGKILL");
    await load.answered(300);
    const [, , replacement] = pidsOf(await logged(program, "a worker is serving", 3));
    assert.ok(replacement !== undefined && !workers.includes(replacement));
    await load.answered(100);
    await load.stop();
    program.process.kill("SIGTERM");
    assert.equal(await program.ended(), 0);

    const silent = pino({ level: "silent" });
    const database = stack.use(await openDatabase(loadConfig({ DATABASE_URL }), silent));
    const { repeated } = await load.check(database.kysely);
    assert.ok(repeated > 0, "no call was under way at the kill");
  });

  it("notify each other's watchers, all reload the prices at SIGHUP, and finish the calls in flight at SIGTERM", async () => {
    const folder = await mkdtemp(join(tmpdir(), "purser-workers-"));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const PRICES_FILE = join(folder, "prices.json");
    const models = Array.from({ length: 60 }, (_, index) => [
      `model-${index}`,
      { mode: "chat", litellm_provider: "acme", input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
    ]);
    await writeFile(PRICES_FILE, JSON.stringify(Object.fromEntries(models)));
    const DATABASE_URL = await postgres.createDatabase();
    const program = stack.use(startProgram({ DATABASE_URL, PRICES_FILE, WORKERS: "2", LOG_LEVEL: "info" }));
    const clients = await clientsOf(program);
    const [first] = clients as [BudgetClient];
    await first.createBudget({ project: "p", user: "u", totalBudgetNanoUsd: 9n });

    const leaving = new AbortController();
    const watches = clients.map((client) =>
      client.watchBudget({ project: "p", user: "u" }, { signal: leaving.signal })[Symbol.asyncIterator](),
    );
    for (const watch of watches) assert.equal((await watch.next()).value?.budget?.spentNanoUsd, 0n);
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 4n } };
    // A worker also looks when it begins to listen. That can hide one lost notification, and not three.
    for (const spent of [4n, 8n, 12n]) {
      await first.updateCost({ project: "p", user: "u", source });
      for (const watch of watches) assert.equal((await watch.next()).value?.budget?.spentNanoUsd, spent);
    }
    leaving.abort();

    const read = await logged(program, "prices read", 2);
    program.process.kill("SIGHUP");
    const again = (await logged(program, "prices read", 4)).slice(2);
    assert.deepEqual(new Set(again.map(({ pid }) => pid)), new Set(read.map(({ pid }) => pid)));

    // The call has certainly begun: the server has asked for its body.
    const call = request(`${await httpOf(program)}/budget.v1.BudgetService/UpdateCost`, {
      method: "POST",
      headers: { "content-type": "application/json", expect: "100-continue" },
    });
    call.flushHeaders();
    await once(call, "continue");
    program.process.kill("SIGTERM");
    await program.saying(/SIGTERM: finishing the calls that have begun/);
    call.end('{"project":"p","user":"u","cost":{"model":"m","costNanoUsd":"1"}}');
    const [response] = (await once(call, "response")) as [NodeJS.ReadableStream & { statusCode: number }];
    response.resume();
    assert.equal(response.statusCode, 200);
    assert.equal(await program.ended(), 0);
    assert.deepEqual(
      logOf(program).filter(({ level }) => level > 30),
      [],
    );
  });

  it("exit with the primary, however it ends", async () => {
    const DATABASE_URL = await postgres.createDatabase();
    await using program = startProgram({ DATABASE_URL, WORKERS: "2", LOG_LEVEL: "info" });
    await logged(program, "a worker is serving", 2);
    program.process.kill("SIGKILL");
    // A program counts as ended only after its workers, which hold its output open, have ended.
    assert.equal(await program.ended(), "SIGKILL");
  });

  it("do not start, and print the reason in one line, if a port is taken or the database does not answer", async () => {
    await using other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const port = String((other.address() as AddressInfo).port);
    const cases: [Record<string, string>, RegExp][] = [
      [{ DATABASE_URL: await postgres.createDatabase(), GRPC_PORT: port }, /another server uses the port/],
      [{ DATABASE_URL: "postgres://u@127.0.0.1:1/db" }, /cannot start: .*ECONNREFUSED/],
      [{}, /WORKERS="2" is not allowed: it must be 1 without DATABASE_URL/],
    ];
    for (const [environment, line] of cases) {
      await using program = startProgram({ WORKERS: "2", ...environment });
      assert.equal(await program.ended(), 1);
      assert.equal(program.stdout, "");
      assert.match(program.stderr, /^purser: [^\n]+\n$/);
      assert.match(program.stderr, line);
    }
  });
});
