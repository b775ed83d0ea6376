import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { ConnectError } from "@connectrpc/connect";
import OpenAI from "openai";
import { reasonOf } from "../../src/client/errors.ts";
import {
  type BudgetFetchOptions,
  BudgetManager,
  budgetExceeded,
  budgetFetch,
  createPurserClient,
  createPurserKeyClient,
  openLocal,
  type PurserClientOptions,
  PurserError,
} from "../../src/client/index.ts";
import { errorOf } from "../support/errors.ts";
import { startProvider } from "../support/provider.ts";
import { type Recording, refusedKey, startRecording } from "../support/recording.ts";

const KEY = `pk_${"aB3_-".repeat(8)}xyz`;
const PROTOCOLS = ["connect", "grpc"] as const;
const NAME = { project: "p", user: "alice" };

const sent = ({ calls }: Recording): (string | null)[] => calls.map(({ authorization }) => authorization);

/** Sets PURSER_KEY until it is disposed. */
function environmentKey(key: string): Disposable {
  process.env["PURSER_KEY"] = key;
  return { [Symbol.dispose]: () => void delete process.env["PURSER_KEY"] };
}

describe("apiKey", () => {
  for (const protocol of PROTOCOLS) {
    it(`is sent with every call, streams and those of KeyService included, over ${protocol}`, async () => {
      await using recording = await startRecording(protocol);
      const options = { protocol, baseUrl: recording.url, apiKey: KEY };
      const client = createPurserClient(options);
      await client.getBudget(NAME);
      for await (const _ of client.watchBudget(NAME)) break;
      const keys = createPurserKeyClient(options);
      await keys.createKey({ project: "p", name: "ci" });
      await keys.listAuditEntries({ project: "p" });
      assert.deepEqual(
        recording.calls,
        ["GetBudget", "WatchBudget", "CreateKey", "ListAuditEntries"].map((method) => ({
          method,
          authorization: `Bearer ${KEY}`,
        })),
      );
    });
  }

  it("is PURSER_KEY by default, as it is when the client is created", async () => {
    await using recording = await startRecording("connect");
    const baseUrl = recording.url;
    const before = createPurserClient({ baseUrl });
    using _environment = environmentKey(KEY);
    const clients = [
      createPurserClient({ baseUrl }),
      createPurserClient({ baseUrl, apiKey: "" }),
      createPurserClient({ baseUrl, apiKey: "pk_given" }),
      createPurserClient({ baseUrl, headers: { Authorization: "Basic x" } }),
    ];
    process.env["PURSER_KEY"] = "";
    for (const client of [before, ...clients, createPurserClient({ baseUrl })]) await client.getBudget(NAME);
    const bearer = `Bearer ${KEY}`;
    assert.deepEqual(sent(recording), [null, bearer, bearer, "Bearer pk_given", "Basic x", null]);
  });

  it("is sent by BudgetManager, given or from the environment", async () => {
    await using recording = await startRecording("connect");
    await using given = new BudgetManager("p", { apiBase: recording.url, apiKey: KEY });
    await given.getCurrentCost("alice");
    using _environment = environmentKey("pk_environment");
    await using fromEnvironment = new BudgetManager("p", { apiBase: recording.url });
    await fromEnvironment.isValidUser("alice");
    assert.deepEqual(sent(recording), [`Bearer ${KEY}`, "Bearer pk_environment"]);
  });

  it("is sent with every call of budgetFetch, and not to the provider", async () => {
    await using recording = await startRecording("grpc");
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    await using provider = await startProvider(() => ({ json: { object: "chat.completion", usage } }));
    const client = createPurserClient({ protocol: "grpc", baseUrl: recording.url, apiKey: KEY });
    await using fetch = budgetFetch(client, NAME);
    const openai = new OpenAI({ apiKey: "of-the-provider", baseURL: `${provider.url}/v1`, fetch });
    await openai.chat.completions.create({ model: "m", messages: [{ role: "user", content: "hi" }] });
    assert.deepEqual(
      recording.calls.map(({ method }) => method),
      ["ReserveCost", "UpdateCost"],
    );
    assert.deepEqual(sent(recording), [`Bearer ${KEY}`, `Bearer ${KEY}`]);
    assert.equal(provider.received[0]?.headers["authorization"], "Bearer of-the-provider");
  });

  it("of a server has no effect on a Purser in this process", async () => {
    using _environment = environmentKey(KEY);
    await using provider = await startProvider(() => ({ json: {} }));
    await using fetch = budgetFetch({ maxBudget: 1, timeoutMs: 120_000 });
    const openai = new OpenAI({ apiKey: "none", baseURL: `${provider.url}/v1`, fetch });
    await openai.chat.completions.create({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "hi" }],
    });
    assert.equal(provider.received.length, 1);
  });

  it("excludes a header `authorization`, and options of a client that has its own key", () => {
    const both = { apiKey: KEY, headers: { AUTHORIZATION: "Bearer other" } };
    const message = "apiKey: cannot be used with a header `authorization`";
    for (const create of [
      () => createPurserClient(both),
      () => createPurserKeyClient(both),
      () => new BudgetManager("p", { apiBase: "http://127.0.0.1:1", ...both }),
    ]) {
      assert.throws(create, { name: "TypeError", message });
    }
    assert.throws(() => new BudgetManager("p", { apiKey: KEY }), {
      name: "TypeError",
      message: 'apiKey: cannot be used with clientType "local"',
    });
    assert.throws(() => new BudgetManager("p", { apiKey: KEY, client: createPurserClient() }), {
      name: "TypeError",
      message: "apiKey: cannot be used with client",
    });
  });

  it("is refused if it is malformed, and the error does not show it", async () => {
    const bad = [
      "pk_secret\n",
      "pk_sec ret",
      "Bearer pk_secret",
      "pk_secrét",
      "pk_secret\r\nx: y",
      "=secret",
    ];
    for (const apiKey of bad) {
      const attempts: [name: string, create: () => unknown][] = [
        ["apiKey", () => createPurserClient({ apiKey })],
        ["apiKey", () => new BudgetManager("p", { clientType: "hosted", apiKey })],
        ["apiKey", () => openLocal({ dataDir: "memory://", apiKey })],
      ];
      using _environment = environmentKey(apiKey);
      attempts.push(["PURSER_KEY", () => createPurserKeyClient()]);
      for (const [name, create] of attempts) {
        const error: unknown = await (async () => create())().catch((thrown: unknown) => thrown);
        assert.ok(error instanceof TypeError, `${name} ${apiKey}`);
        assert.match(error.message, new RegExp(`^${name}: must be a key such as pk_`));
        assert.doesNotMatch(inspect(error), /sec|ret/);
      }
    }
    assert.throws(() => createPurserClient({ apiKey: 5 as never }), TypeError);
  });

  it("appears nowhere in what the clients and their errors print", async () => {
    const everything = { depth: Number.POSITIVE_INFINITY, showHidden: true };
    for (const protocol of PROTOCOLS) {
      const recording = await startRecording(protocol);
      const options: PurserClientOptions = { protocol, baseUrl: recording.url, apiKey: KEY };
      const client = createPurserClient(options);
      const manager = new BudgetManager("p", { client, retryMsMax: 0 });
      const hosted = new BudgetManager("p", { apiBase: recording.url, apiKey: KEY });
      const keys = createPurserKeyClient(options);
      await using fetch = budgetFetch(client, NAME);
      recording.failAlways("GetBudget", refusedKey("KEY_INVALID"));
      const errors = [
        await errorOf(client.getBudget(NAME)),
        await manager.getTotalBudget("alice").catch((error: unknown) => error),
      ];
      await recording[Symbol.asyncDispose]();
      errors.push(await errorOf(client.getBudget(NAME)));
      for (const each of [client, manager, hosted, keys, fetch, ...errors]) {
        assert.doesNotMatch(inspect(each, everything) + String(each), new RegExp(KEY.slice(3, 12)));
      }
    }
  });
});

describe("a key that is refused", () => {
  for (const reason of ["KEY_MISSING", "KEY_INVALID", "KEY_NOT_ALLOWED"] as const) {
    it(`is a PurserError with the reason ${reason}, without a retry`, async () => {
      for (const protocol of PROTOCOLS) {
        await using recording = await startRecording(protocol);
        recording.failAlways("UpdateCost", refusedKey(reason));
        const client = createPurserClient({ protocol, baseUrl: recording.url });
        const manager = new BudgetManager("p", { client });
        const error: unknown = await manager
          .updateCost("alice", { completion: { model: "m" } })
          .catch((thrown: unknown) => thrown);
        assert.ok(error instanceof PurserError);
        assert.deepEqual([error.reason, error.message], [reason, `the reason is ${reason}`]);
        assert.equal(recording.calls.length, 1);
      }
    });
  }
});

describe("budgetFetch above a limit of its key", () => {
  /** A fetch, a provider, and a Purser that says how often it was called. */
  async function start(options: Partial<BudgetFetchOptions> = {}) {
    const stack = new AsyncDisposableStack();
    const recording = stack.use(await startRecording("connect"));
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    const provider = stack.use(
      await startProvider(() => ({ json: { object: "chat.completion", model: "m", usage } })),
    );
    const client = createPurserClient({ baseUrl: recording.url, apiKey: KEY });
    const fetch = stack.use(budgetFetch(client, { ...NAME, timeoutMs: 120_000, ...options }));
    const openai = new OpenAI({ apiKey: "none", baseURL: `${provider.url}/v1`, fetch });
    const call = () =>
      openai.chat.completions.create({ model: "m", messages: [{ role: "user", content: "hi" }] });
    const methods = () => recording.calls.map(({ method }) => method);
    return { recording, provider, fetch, call, methods, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }
  const limited = refusedKey("RATE_EXCEEDED", 1);

  for (const onUnavailable of ["fail", "allow"] as const) {
    it(`retries the hold, with onUnavailable "${onUnavailable}"`, async () => {
      await using paid = await start({ onUnavailable });
      paid.recording.fail("ReserveCost", limited, limited);
      await paid.call();
      assert.deepEqual(paid.methods(), ["ReserveCost", "ReserveCost", "ReserveCost", "UpdateCost"]);
    });

    it(`does not send the call if the key asks for too long a wait, with "${onUnavailable}"`, async () => {
      await using paid = await start({ onUnavailable });
      paid.recording.fail("ReserveCost", refusedKey("RATE_EXCEEDED", 120_001));
      const error: unknown = await paid.call().catch((thrown: unknown) => thrown);
      assert.ok(error instanceof ConnectError);
      assert.equal(budgetExceeded(error), undefined);
      assert.equal(reasonOf(error), "RATE_EXCEEDED");
      assert.deepEqual([paid.methods(), paid.provider.received.length], [["ReserveCost"], 0]);
    });
  }

  it("makes the charge later", async () => {
    const lost: unknown[] = [];
    await using paid = await start({ onLost: (error) => lost.push(error) });
    paid.recording.fail("UpdateCost", limited, limited);
    await paid.call();
    await paid.fetch.flush();
    assert.deepEqual(paid.methods(), ["ReserveCost", "UpdateCost", "UpdateCost", "UpdateCost"]);
    assert.deepEqual(lost, []);
  });

  it("reports the charge as lost if the key was revoked during the call", async () => {
    const lost: unknown[] = [];
    await using paid = await start({ onLost: (error) => lost.push(error) });
    paid.recording.failAlways("UpdateCost", refusedKey("KEY_INVALID"));
    await paid.call();
    await paid.fetch.flush();
    assert.deepEqual(paid.methods(), ["ReserveCost", "UpdateCost"]);
    assert.deepEqual(
      lost.map((error) => reasonOf(ConnectError.from(error))),
      ["KEY_INVALID"],
    );
  });

  it("does not send a call whose key is refused, even if calls are allowed while Purser is unavailable", async () => {
    await using paid = await start({ onUnavailable: "allow" });
    paid.recording.failAlways("ReserveCost", refusedKey("KEY_INVALID"));
    await assert.rejects(paid.call(), (error: ConnectError) => reasonOf(error) === "KEY_INVALID");
    assert.deepEqual([paid.methods(), paid.provider.received.length], [["ReserveCost"], 0]);
  });
});
