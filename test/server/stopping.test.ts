import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { after, before, suite, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import pg from "pg";
import pino from "pino";
import {
  BudgetService,
  GetBudgetRequestSchema,
  GetBudgetResponseSchema,
} from "../../gen/es/budget/v1/budget_service_pb.ts";
import { loadConfig } from "../../src/config.ts";
import { implement } from "../../src/server/connect.ts";
import { openDatabase } from "../../src/server/server.ts";
import { startService } from "../../src/server/service.ts";
import { type Frames, openFrames } from "../support/grpc-frames.ts";
import { rawGrpc } from "../support/raw-grpc.ts";
import { makeStore, startTestServer } from "../support/server.ts";
import { startTransports } from "../support/transports.ts";

/** A grace period that no test waits for. */
const HOUR_MS = 3_600_000;
/** A server that waits for a call that never ends would wait until its test is given up. */
const STOPPED_MS = 120_000;
const NAME = { project: "p", user: "alice" };

/** The two transports with calls that end when the test says so. */
async function startHeld() {
  const begun = {
    gRPC: Promise.withResolvers<void>(),
    Connect: Promise.withResolvers<void>(),
    "grpc-js": Promise.withResolvers<void>(),
  };
  const end = Promise.withResolvers<void>();
  const transports = await startTransports({
    // No probe ends a connection that the server has left open.
    limits: { keepaliveMs: HOUR_MS },
    handlers: {
      getBudget: async ({ user }) => {
        begun[user as keyof typeof begun].resolve();
        await end.promise;
        return { budget: { user } };
      },
    },
  });
  const raw = rawGrpc(transports.grpcUrl);
  const request = toBinary(GetBudgetRequestSchema, create(GetBudgetRequestSchema, { user: "grpc-js" }));
  const outcomes = Promise.allSettled([
    transports.clients["gRPC"]?.getBudget({ user: "gRPC" }),
    transports.clients["Connect"]?.getBudget({ user: "Connect" }),
    raw
      .call("/budget.v1.BudgetService/GetBudget", request)
      .then((bytes) => fromBinary(GetBudgetResponseSchema, bytes)),
  ]).finally(() => raw[Symbol.dispose]());
  await Promise.all(Object.values(begun).map(({ promise }) => promise));
  return { transports, end: () => end.resolve(), outcomes };
}

/** The code of an error of Connect or of grpc-js, which use the same numbers. */
const codeOf = (error: unknown): number =>
  error instanceof ConnectError ? error.code : (error as { code: number }).code;

suite("A server that stops", () => {
  const stack = new AsyncDisposableStack();
  let environment: Record<string, string>;
  before(async () => {
    environment = stack.use(await makeStore("PostgreSQL")).environment;
  });
  after(() => stack.disposeAsync());

  test("lets the calls in progress finish, over gRPC and HTTP", async () => {
    const { transports, end, outcomes } = await startHeld();
    const stopped = transports.stop(HOUR_MS);
    end();
    const users = (await outcomes).map((each) => each.status === "fulfilled" && each.value?.budget?.user);
    assert.deepEqual(users, ["gRPC", "Connect", "grpc-js"]);
    await stopped;
  });

  test("ends the calls that outlive the grace period, over gRPC and HTTP", {
    timeout: STOPPED_MS,
  }, async () => {
    const { transports, end, outcomes } = await startHeld();
    await transports.stop(1);
    const codes = (await outcomes).map((each) => each.status === "rejected" && codeOf(each.reason));
    assert.deepEqual(codes, [Code.Canceled, Code.Aborted, Code.Canceled]);
    end();
  });

  test("waits for a call for SHUTDOWN_GRACE_MS", { timeout: STOPPED_MS }, async () => {
    const server = await startTestServer({
      ...environment,
      SHUTDOWN_GRACE_MS: "1",
      KEEPALIVE_MS: String(HOUR_MS),
      DATABASE_TIMEOUT_MS: "600000",
    });
    await server.grpc.createBudget({ ...NAME, user: "locked" });
    const other = new pg.Client({ connectionString: environment.DATABASE_URL });
    await other.connect();
    await other.query("begin");
    await other.query("select from budgets where user_id = 'locked' for update");
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 1n } };
    const call = assert.rejects(server.grpc.updateCost({ ...NAME, user: "locked", source }));
    // The server has the call when a later one of the same connection is answered.
    await server.grpc.getBudget({ ...NAME, user: "locked" });
    await server[Symbol.asyncDispose]();
    await call;
    await other.end();
  });

  test("is not ready and not serving, for those who still ask", { timeout: STOPPED_MS }, async () => {
    const server = await startTestServer({ ...environment, SHUTDOWN_GRACE_MS: "600000" });
    using frames = openFrames(server.grpcUrl);
    const watches = ["", BudgetService.typeName].map((service) => watchHealth(frames, service));
    for (const watch of watches) assert.equal(await watch.next(), SERVING);

    const socket = connectTcp(Number(new URL(server.httpUrl).port), "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8").on("data", (data: string) => void (text += data));
    const body = JSON.stringify({ ...NAME, user: "nobody" });
    // Nothing else keeps a connection open while the server stops: the call has begun, and its body is on its way.
    socket.write(
      `POST /budget.v1.BudgetService/GetBudget HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
    );
    while (!text.includes("100 Continue")) await once(socket, "data");
    const stopped = server[Symbol.asyncDispose]();
    for (const watch of watches) {
      assert.equal(await watch.next(), NOT_SERVING);
      watch.close();
    }
    socket.write(`${body}GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    await once(socket, "close");
    assert.match(text, /HTTP\/1\.1 404 [^]*BUDGET_NOT_FOUND[^]*HTTP\/1\.1 503 [^]*\{"status":"stopping"\}/);
    await stopped;
  });

  test("gives the operations that still wait their verdicts before it closes the store", async () => {
    const config = loadConfig({ ...environment, ENGINE_BATCH_OPERATIONS_MAX: "1" });
    const service = await startService(config, pino({ level: "silent" }), openDatabase);
    const client = createClient(
      BudgetService,
      createRouterTransport((router) => implement(router, service.pipeline.routes)),
    );
    await client.createBudget(NAME);
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 1n } };
    const calls = Array.from({ length: 50 }, () => client.updateCost({ ...NAME, source }));
    const outcomes = Promise.allSettled(calls);
    // All of them are in the queue when the first is answered.
    await calls[0];
    await service[Symbol.asyncDispose]();
    const spent = (await outcomes).map(
      (each) => each.status === "fulfilled" && each.value.budget?.spentNanoUsd,
    );
    assert.deepEqual(new Set(spent), new Set(Array.from({ length: 50 }, (_, index) => BigInt(index + 1))));
  });
});

/** Watches the state that load balancers see of a service. */
function watchHealth(frames: Frames, service: string) {
  const stream = frames.begin("/grpc.health.v1.Health/Watch");
  const name = Buffer.from(service);
  stream.end(Buffer.from([0, 0, 0, 0, name.length + 2, 0x0a, name.length, ...name]));
  const answers = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  return {
    next: async (): Promise<number> => ((await answers.next()).value as Buffer).readUInt8(6),
    close: () => stream.close(),
  };
}

/** The states of the health service: `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
const SERVING = 1;
const NOT_SERVING = 2;
