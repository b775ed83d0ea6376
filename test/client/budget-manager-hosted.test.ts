import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, suite, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { BudgetManager, createPurserClient, PurserError } from "../../src/client/index.ts";
import { startLossyHttp } from "../support/lossy-http.ts";
import { makeStore, startTestServer, type TestServer } from "../support/server.ts";

const TEXTS = { model: "gpt-4o-mini", inputText: "hello world", outputText: "hello alice" };

/** Longer than a retry takes on a busy machine. */
const PATIENT_MS = 120_000;

const recorded = (name: string): Promise<string> =>
  readFile(new URL(`../../examples/responses/${name}.json`, import.meta.url), "utf8");

/** The body of a provider's response. */
const answering = (body: string) => async (): Promise<Response> =>
  new Response(body, { headers: { "content-type": "application/json", "x-request-id": "req_1" } });

suite("BudgetManager, hosted", { concurrency: 4 }, () => {
  const stack = new AsyncDisposableStack();
  let server: TestServer;
  before(async () => {
    const { environment } = stack.use(await makeStore("PGlite"));
    server = stack.use(await startTestServer(environment));
  });
  after(() => stack.disposeAsync());

  const newProject = (): string => `project-${randomUUID()}`;

  test("charges once when the server is unavailable at first, and the next answer is lost", async () => {
    await using lossy = await startLossyHttp(server.httpUrl);
    const budgets = new BudgetManager(newProject(), { apiBase: lossy.url, retryMsMax: PATIENT_MS });
    await budgets.createBudget(1, "alice");
    lossy.lose("answer 503", "lose the answer", "lose the answer");
    const { requestId } = await budgets.updateCost("alice", TEXTS);
    assert.equal(lossy.headers.length, 5);
    const { entries } = await server.grpc.listCostEntries({ project: budgets.projectName });
    assert.deepEqual(
      entries.map((entry) => entry.requestId),
      [requestId],
    );
  });

  test("resets once when the server is unavailable at first, and the next answer is lost", async () => {
    await using lossy = await startLossyHttp(server.httpUrl);
    const budgets = new BudgetManager(newProject(), { apiBase: lossy.url, retryMsMax: PATIENT_MS });
    await budgets.createBudget(1, "alice");
    lossy.lose("lose the answer");
    await budgets.resetCost("alice");
    const { entries } = await server.grpc.listCostEntries({ project: budgets.projectName });
    assert.equal(entries.length, 1);
  });

  test("gives up after its retries, and the error has the request id for sending the charge again", async () => {
    await using lossy = await startLossyHttp(server.httpUrl);
    const budgets = new BudgetManager(newProject(), { apiBase: lossy.url, retryMsMax: 0 });
    await budgets.createBudget(1, "alice");
    lossy.lose("lose the answer");
    const error: unknown = await budgets.updateCost("alice", TEXTS).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof PurserError);
    assert.equal(error.reason, undefined);
    assert.match(error.message, /^Purser did not answer: .*\. It may have happened; a retry with requestId/);
    const { requestId } = error;
    assert.ok(requestId !== undefined && error.message.includes(requestId));
    assert.equal((await budgets.updateCost("alice", { ...TEXTS, requestId })).requestId, requestId);
    assert.equal(await budgets.getCurrentCost("alice"), 0.0000015);
  });

  test("does not retry a request that was refused", async () => {
    await using lossy = await startLossyHttp(server.httpUrl);
    const budgets = new BudgetManager(newProject(), { apiBase: lossy.url });
    await assert.rejects(budgets.updateCost("alice", TEXTS), /^BudgetNotFoundError/);
    assert.equal(lossy.headers.length, 1);
  });

  test("sends the caller's headers with every call, and keeps those of the protocol", async () => {
    await using lossy = await startLossyHttp(server.httpUrl);
    const headers = { "X-Team": "search", "Content-Type": "text/plain" };
    const budgets = new BudgetManager(newProject(), { apiBase: lossy.url, headers });
    await budgets.createBudget(1, "alice");
    await budgets.getUsers();
    assert.deepEqual(
      lossy.headers.map((each) => [each["x-team"], each["content-type"]]),
      [
        ["search", "application/proto"],
        ["search", "application/proto"],
      ],
    );
  });

  test("charges the unchanged responses of the SDKs of OpenAI and Anthropic", async () => {
    const budgets = new BudgetManager(newProject(), { apiBase: server.httpUrl });
    await budgets.createBudget(1, "alice");
    const openai = new OpenAI({
      apiKey: "key",
      fetch: answering(await recorded("openai-chat-completion")),
    });
    const chat = await openai.chat.completions.create({ model: "gpt-4o-mini", messages: [] });
    assert.equal((await budgets.updateCost("alice", { completion: chat })).cost, 0.0003933);
    const anthropic = new Anthropic({ apiKey: "key", fetch: answering(await recorded("anthropic-message")) });
    const message = await anthropic.messages.create({ model: "claude", max_tokens: 1, messages: [] });
    assert.equal((await budgets.updateCost("alice", { completion: message })).cost, 0.0211986);
    assert.equal(await budgets.getCurrentCost("alice"), 0.0215919);
  });

  test("counts every charge of many concurrent callers", async () => {
    const project = newProject();
    const managers = Array.from({ length: 4 }, () => new BudgetManager(project, { apiBase: server.httpUrl }));
    await managers[0]?.createBudget(1, "alice");
    const charges = managers.flatMap((each) =>
      Array.from({ length: 25 }, () => each.updateCost("alice", TEXTS)),
    );
    await Promise.all(charges);
    assert.equal(await managers[0]?.getCurrentCost("alice"), 0.00015);
  });

  test("accepts an existing client, such as one for gRPC", async () => {
    const client = createPurserClient({ protocol: "grpc", baseUrl: server.grpcUrl });
    const budgets = new BudgetManager(newProject(), { client });
    assert.equal((await budgets.createBudget(1, "alice")).totalBudget, 1);
    await budgets.close();
    await assert.rejects(budgets.getUsers(), /^Error: the BudgetManager is closed$/);
  });

  test("refuses options that exclude each other, and the error names one of them", () => {
    const wrong: [options: ConstructorParameters<typeof BudgetManager>[1], message: string][] = [
      [
        { clientType: "local", apiBase: "http://127.0.0.1" },
        'apiBase: cannot be used with clientType "local"',
      ],
      [{ headers: {} }, 'headers: cannot be used with clientType "local"'],
      [{ clientType: "hosted", dataDir: "d" }, 'dataDir: cannot be used with clientType "hosted"'],
      [{ client: server.grpc, dataDir: "d" }, "dataDir: cannot be used with client"],
      [{ clientType: "cloud" as never }, 'clientType: must be "local" or "hosted", not "cloud"'],
      [
        { apiBase: "localhost:8080" },
        'apiBase: must be a URL such as http://127.0.0.1:8080, not "localhost:8080"',
      ],
    ];
    for (const [options, message] of wrong) {
      assert.throws(() => new BudgetManager("p", options), { name: "TypeError", message });
    }
    assert.throws(() => createPurserClient({ baseUrl: "http://" }), /^TypeError: baseUrl: must be a URL/);
  });
});
