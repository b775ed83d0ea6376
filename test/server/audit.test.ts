import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { type Client, createClient, createRouterTransport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import pino from "pino";
import { AuditAction } from "../../gen/es/budget/v1/audit_pb.ts";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import {
  KeyService,
  type ListAuditEntriesRequestSchema,
  ListAuditEntriesResponseSchema,
} from "../../gen/es/budget/v1/key_service_pb.ts";
import { loadConfig } from "../../src/config.ts";
import { implement } from "../../src/server/connect.ts";
import { toTimestamp } from "../../src/server/fields.ts";
import { startService } from "../../src/server/service.ts";
import { openEmbedded } from "../../src/store/database.ts";
import { makeDataFolder } from "../support/embedded.ts";
import { errorOf, told } from "../support/errors.ts";
import { type BudgetClient, makeStore, startTestServer, type TestServer } from "../support/server.ts";

type Request = MessageInitShape<typeof ListAuditEntriesRequestSchema>;

/** Makes every administrative change once. */
async function changeEverything(client: BudgetClient, project: string): Promise<void> {
  const name = { project, user: "alice" };
  const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 5n } };
  const updateMask = { paths: ["total_budget_nano_usd"] };
  await client.createBudget({ ...name, totalBudgetNanoUsd: 10n });
  await client.updateBudget({ ...name, updateMask, totalBudgetNanoUsd: 20n });
  await client.updateCost({ ...name, requestId: "charge", source });
  await client.refundCost({ project, chargeRequestId: "charge" });
  await client.resetCost(name);
  await client.setModelPrice({ project, price: { model: "m", rates: [{ dimension: "input", usd: "1" }] } });
  await client.deleteModelPrice({ project, model: "m" });
  await client.deleteBudget(name);
}

const EVERYTHING = [
  AuditAction.CREATE_BUDGET,
  AuditAction.UPDATE_BUDGET,
  AuditAction.REFUND_COST,
  AuditAction.RESET_COST,
  AuditAction.SET_MODEL_PRICE,
  AuditAction.DELETE_MODEL_PRICE,
  AuditAction.DELETE_BUDGET,
];

const assertInvalid = async (call: Promise<unknown>, field: string): Promise<void> => {
  const { reason, fields } = told(await errorOf(call));
  assert.deepEqual([reason, fields], ["INVALID_FIELD", [field]]);
};

describe("ListAuditEntries", () => {
  const stack = new AsyncDisposableStack();
  let server: TestServer;
  let list: Client<typeof KeyService>["listAuditEntries"];
  before(async () => {
    const { environment } = stack.use(await makeStore("PGlite"));
    server = stack.use(await startTestServer(environment));
    list = createClient(KeyService, createGrpcTransport({ baseUrl: server.grpcUrl })).listAuditEntries;
    await changeEverything(server.grpc, "p");
    await server.grpc.createBudget({ project: "q", user: "bob" });
  });
  after(() => stack.disposeAsync());

  it("shows every kind of change by a client without a key", async () => {
    const { entries, nextPageToken } = await list({ project: "p" });
    assert.deepEqual(entries.map(({ action }) => action).toReversed(), EVERYTHING);
    assert.deepEqual([...new Set(entries.map(({ actor }) => actor))], ["anonymous"]);
    assert.equal(nextPageToken, "");
  });

  it("shows the changes of a client in the process", async () => {
    await using inner = new AsyncDisposableStack();
    const folder = inner.adopt(await makeDataFolder(), (path) => rm(path, { recursive: true }));
    const log = pino({ level: "silent" });
    const config = loadConfig({ DATA_DIR: folder });
    const service = inner.use(await startService(config, log, () => openEmbedded({ folder })));
    const transport = createRouterTransport((router) => implement(router, service.pipeline.routes));
    await changeEverything(createClient(BudgetService, transport), "p");
    const keys = createClient(KeyService, transport);
    const local = await keys.listAuditEntries({ project: "p", actor: "local" });
    assert.deepEqual(local.entries.map(({ action }) => action).toReversed(), EVERYTHING);
  });

  it("shows the changes of a post", async () => {
    const body = { project_name: "posted", user_dict: { alice: { total_budget: 1 } } };
    const headers = { "content-type": "application/json" };
    const request = { method: "POST", headers, body: JSON.stringify(body) };
    assert.equal((await fetch(`${server.httpUrl}/set_budget`, request)).status, 200);
    const posted = await list({ project: "posted", subject: "alice", actor: "anonymous" });
    assert.deepEqual(
      posted.entries.map(({ action }) => action),
      [AuditAction.CREATE_BUDGET],
    );
  });

  it("answers with the fields of the proto", async () => {
    const { entries } = await list({ project: "q" });
    const { budget } = await server.grpc.getBudget({ project: "q", user: "bob" });
    assert.deepEqual(entries[0]?.createTime, budget?.createTime);
    const answer = toJson(ListAuditEntriesResponseSchema, await list({ project: "q" }));
    assert.deepEqual(answer, {
      entries: [
        {
          auditId: entries[0]?.auditId,
          project: "q",
          createTime: (answer as { entries: { createTime: string }[] }).entries[0]?.createTime,
          actor: "anonymous",
          action: "AUDIT_ACTION_CREATE_BUDGET",
          subject: "bob",
          after: { total_budget_nano_usd: "0", model_limits: [] },
        },
      ],
    });
  });

  it("continues on the next page, and refuses the token of another request", async () => {
    const all = await list({ project: "p" });
    const first = await list({ project: "p", pageSize: 4 });
    const rest = await list({ project: "p", pageSize: 4, pageToken: first.nextPageToken });
    assert.deepEqual([...first.entries, ...rest.entries], all.entries);
    assert.equal(rest.nextPageToken, "");
    const others: Request[] = [
      { project: "q" },
      { subject: "alice" },
      { actor: "anonymous" },
      { startTime: toTimestamp(0n) },
      { endTime: toTimestamp(0n) },
    ];
    for (const other of others) {
      const call = list({ project: "p", pageSize: 4, ...other, pageToken: first.nextPageToken });
      await assertInvalid(call, "page_token");
    }
  });

  it("filters by subject, actor and time", async () => {
    const actions = async (filter: Request) =>
      (await list({ project: "p", ...filter })).entries.map(({ action }) => action).toReversed();
    const [price] = (await list({ project: "p", subject: "m" })).entries.toReversed();
    assert.deepEqual(await actions({ subject: "m" }), EVERYTHING.slice(4, 6));
    assert.deepEqual(await actions({ actor: "anonymous" }), EVERYTHING);
    assert.deepEqual(await actions({ actor: "local" }), []);
    assert.deepEqual(await actions({ endTime: price?.createTime }), EVERYTHING.slice(0, 4));
    assert.deepEqual(await actions({ startTime: price?.createTime }), EVERYTHING.slice(4));
    assert.deepEqual(await actions({ project: "" }), []);
  });

  const invalid: [what: string, field: string, request: Request][] = [
    ["a project that begins with U+FEFF", "project", { project: "\ufeffp" }],
    ["a subject of 257 bytes", "subject", { project: "p", subject: "s".repeat(257) }],
    ["an actor of 1025 bytes", "actor", { project: "p", actor: "a".repeat(1025) }],
    ["an actor that begins with U+FEFF", "actor", { project: "p", actor: "\ufeffa" }],
    ["a malformed time", "start_time", { project: "p", startTime: { seconds: 0n, nanos: -1 } }],
    ["an empty range", "end_time", { project: "p", startTime: toTimestamp(5n), endTime: toTimestamp(5n) }],
    ["a negative page size", "page_size", { project: "p", pageSize: -1 }],
    ["a malformed page token", "page_token", { project: "p", pageToken: "?" }],
  ];
  for (const [what, field, request] of invalid) {
    it(`refuses ${what}`, () => assertInvalid(list(request), field));
  }
});
