import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, suite, test } from "node:test";
import OpenAI from "openai";
import { reasonOf as reasonOfError } from "../../src/client/errors.ts";
import {
  BudgetManager,
  budgetFetch,
  createPurserClient,
  createPurserKeyClient,
  openLocal,
  PurserError,
  type PurserKeyClient,
  Role,
} from "../../src/client/index.ts";
import { makeSecret } from "../../src/server/keys/secret.ts";
import { makeDataFolder } from "../support/embedded.ts";
import { reasonOf } from "../support/errors.ts";
import { startProvider } from "../support/provider.ts";
import { makeStore, startTestServer, type TestServer } from "../support/server.ts";

const PROJECT = "p";
const COMPLETION = { model: "gpt-4o-mini", usage: { prompt_tokens: 1000, completion_tokens: 500 } };
const COST = 0.00045;
/** Longer than any retry on a busy machine. */
const PATIENT_MS = 120_000;

const refusalOf = async (call: Promise<unknown>): Promise<string | undefined> => {
  const error: unknown = await call.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof PurserError, String(error));
  return error.reason;
};

suite("Clients with keys, on a server that needs them", () => {
  const operatorKey = makeSecret();
  const stack = new AsyncDisposableStack();
  let server: TestServer;
  let keys: PurserKeyClient;
  before(async () => {
    const { environment } = stack.use(await makeStore("PGlite"));
    server = stack.use(await startTestServer({ ...environment, PURSER_OPERATOR_KEY: operatorKey }));
    keys = createPurserKeyClient({ baseUrl: server.httpUrl, apiKey: operatorKey });
    await manager(operatorKey).createBudget(10, "alice");
  });
  after(() => stack.disposeAsync());

  const manager = (apiKey: string): BudgetManager =>
    new BudgetManager(PROJECT, { apiBase: server.httpUrl, apiKey, retryMsMax: PATIENT_MS });
  const newKey = async (settings: Parameters<PurserKeyClient["createKey"]>[0]) => {
    const { key, secret } = await keys.createKey({ project: PROJECT, name: "test", ...settings });
    return { keyId: key?.keyId ?? "", secret };
  };

  test("a manager works as far as the role of its key permits, until the key is revoked", async () => {
    const { keyId, secret } = await newKey({ role: Role.SPENDER });
    const spender = manager(secret);
    assert.equal((await spender.updateCost("alice", { completion: COMPLETION })).cost, COST);
    assert.equal(await refusalOf(spender.createBudget(1, "bob")), "KEY_NOT_ALLOWED");
    assert.equal(await spender.isValidUser("bob"), false);
    await keys.revokeKey({ project: PROJECT, keyId });
    assert.equal(await refusalOf(spender.getCurrentCost("alice")), "KEY_INVALID");
    const keyless = new BudgetManager(PROJECT, { apiBase: server.httpUrl });
    assert.equal(await refusalOf(keyless.getCurrentCost("alice")), "KEY_MISSING");
  });

  test("a manager makes every charge of many at once, above the limit of its key", async () => {
    await manager(operatorKey).createBudget(10, "busy");
    const { secret } = await newKey({
      role: Role.SPENDER,
      limits: { callsPerSecondMax: 1, callsInFlightMax: 2 },
    });
    const limited = manager(secret);
    const charge = () => limited.updateCost("busy", { completion: COMPLETION });
    await Promise.all(Array.from({ length: 4 }, charge));
    assert.equal(await limited.getCurrentCost("busy"), 4 * COST);
  });

  test("budgetFetch pays with a key that is bound to its user, and does not lose a charge to the key's limit", async () => {
    await manager(operatorKey).createBudget(10, "bound");
    const { secret } = await newKey({
      role: Role.SPENDER,
      user: "bound",
      limits: { callsPerSecondMax: 2 },
    });
    await using provider = await startProvider(() => ({
      json: { object: "chat.completion", choices: [], ...COMPLETION },
    }));
    for (const [protocol, baseUrl] of [
      ["connect", server.httpUrl],
      ["grpc", server.grpcUrl],
    ] as const) {
      const client = createPurserClient({ protocol, baseUrl, apiKey: secret });
      const lost: unknown[] = [];
      const options = { timeoutMs: PATIENT_MS, onLost: (error: unknown) => lost.push(error) };
      await using fetch = budgetFetch(client, { project: PROJECT, user: "bound", ...options });
      const openai = new OpenAI({ apiKey: "none", baseURL: `${provider.url}/v1`, fetch });
      const messages = [{ role: "user" as const, content: "hi" }];
      const call = () => openai.chat.completions.create({ model: "gpt-4o-mini", messages, max_tokens: 100 });
      await Promise.all(Array.from({ length: 3 }, call));
      await fetch.flush();
      assert.deepEqual(lost, []);
      await using other = budgetFetch(client, { project: PROJECT, user: "alice", ...options });
      const refused = other(`${provider.url}/v1/chat/completions`, {
        method: "POST",
        body: JSON.stringify({ model: "gpt-4o-mini", messages, max_tokens: 100 }),
      });
      await assert.rejects(refused, (error: never) => reasonOfError(error) === "BUDGET_NOT_FOUND");
    }
    const { budget } = await createPurserClient({ baseUrl: server.httpUrl, apiKey: operatorKey }).getBudget({
      project: PROJECT,
      user: "bound",
    });
    assert.deepEqual([budget?.spentNanoUsd, budget?.heldNanoUsd], [6n * 450_000n, 0n]);
  });
});

test("keys in a data folder do not lock its owner out, and a local client may act with one of them", async () => {
  const dataDir = await makeDataFolder();
  try {
    await using owner = await openLocal({ dataDir });
    await owner.keys.createKey({ name: "operator", role: Role.OPERATOR });
    const reader = await owner.keys.createKey({ project: PROJECT, name: "reader", role: Role.READER });
    await owner.client.createBudget({ project: PROJECT, user: "alice" });
    await using local = await openLocal({ dataDir, apiKey: reader.secret });
    assert.equal((await local.client.getBudget({ project: PROJECT, user: "alice" })).budget?.user, "alice");
    assert.equal(
      await reasonOf(local.client.createBudget({ project: PROJECT, user: "bob" })),
      "KEY_NOT_ALLOWED",
    );
    assert.equal(await reasonOf(local.keys.listKeys({ project: PROJECT })), "KEY_NOT_ALLOWED");
    const { keys } = await owner.keys.listKeys({ project: PROJECT });
    assert.deepEqual(
      keys.map(({ name }) => name),
      ["reader"],
    );
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
