import assert from "node:assert/strict";
import { it } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { PurserUnavailableError } from "../../src/client/errors.ts";
import type { BudgetFetchOptions } from "../../src/client/fetch/budget-fetch.ts";
import { type Api, suiteForEach } from "../support/api.ts";
import { type Gate, startGate } from "../support/gate.ts";
import { type Paid, startPaid } from "../support/paid.ts";
import { dataEvents, type Received } from "../support/provider.ts";
import type { BudgetClient } from "../support/server.ts";

/** gpt-4o-mini: $0.15 and $0.60 a million. */
const CHAT = {
  model: "gpt-4o-mini",
  messages: [{ role: "user" as const, content: "How tall is the Eiffel tower?" }],
};
const COST = 450_000n;
const usage = { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 };
const completion = { id: "c", object: "chat.completion", model: "gpt-4o-mini", choices: [], usage };

/** A budget whose Purser is behind a gate. */
async function behindGate(
  api: Api,
  options: Partial<BudgetFetchOptions>,
  answer: (request: Received) => { json: unknown } | { stream: string[]; ending: "cut" } = () => ({
    json: completion,
  }),
): Promise<{ paid: Paid; gate: Gate; [Symbol.asyncDispose](): Promise<void> }> {
  const gate = await startGate(api.way === "gRPC" ? api.server.grpcUrl : api.server.httpUrl);
  const paid = await startPaid(api, answer, { client: clientOf(api, gate), ...options });
  return {
    paid,
    gate,
    async [Symbol.asyncDispose]() {
      await paid[Symbol.asyncDispose]();
      await gate[Symbol.asyncDispose]();
    },
  };
}

const clientOf = ({ way }: Api, { url: baseUrl }: Gate): BudgetClient =>
  createClient(
    BudgetService,
    way === "gRPC"
      ? createGrpcTransport({ baseUrl })
      : createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  );

suiteForEach("budgetFetch while Purser is unavailable", { stores: ["PGlite"] }, (api) => {
  it("fails calls before any byte is sent, with an unwrapped error and without the SDK's retries", async () => {
    await using both = await behindGate(api, { timeoutMs: 300 });
    const { paid, gate } = both;
    await gate.shut();
    await assert.rejects(paid.openai.chat.completions.create(CHAT), PurserUnavailableError);
    await gate.open();
    gate.stall();
    await assert.rejects(paid.openai.chat.completions.create(CHAT), PurserUnavailableError);
    assert.deepEqual(paid.provider.received, []);
    await gate.shut();
    await gate.open();
    assert.deepEqual(await paid.balance(), { spent: 0n, held: 0n });
  });

  it("retries Purser until the time limit", async () => {
    await using both = await behindGate(api, {});
    const { paid, gate } = both;
    await gate.shut();
    const call = paid.openai.chat.completions.create(CHAT);
    await gate.open();
    await call;
    assert.deepEqual(await paid.balance(), { spent: COST, held: 0n });
  });

  it("lets calls through if that was chosen, and charges them once when Purser is back", async () => {
    await using both = await behindGate(api, { onUnavailable: "allow" });
    const { paid, gate } = both;
    await gate.shut();
    for (let call = 0; call < 3; call++) await paid.openai.chat.completions.create(CHAT);
    assert.equal(paid.provider.received.length, 3);
    await assert.rejects(paid.fetch.flush(), {
      name: "PurserUnavailableError",
      message: /^3 charges are waiting/,
    });
    await gate.open();
    assert.deepEqual(await paid.balance(), { spent: 3n * COST, held: 0n });
    // No charge is pending any more.
    await paid.fetch[Symbol.asyncDispose]();
    assert.deepEqual(await paid.balance(), { spent: 3n * COST, held: 0n });
  });

  it("sends pending charges in the background, without a further call", async () => {
    await using both = await behindGate(api, { onUnavailable: "allow" });
    const { paid, gate } = both;
    await gate.shut();
    await paid.openai.chat.completions.create(CHAT);
    await gate.open();
    const watch = api.client.watchBudget(paid.name);
    for await (const { budget } of watch) if (budget?.spentNanoUsd === COST) break;
    assert.deepEqual(await paid.balance(), { spent: COST, held: 0n });
  });

  it("counts the tokens of an allowed call without usage once Purser is back", async () => {
    const stream = dataEvents([{ choices: [{ index: 0, delta: { content: "330 metres." } }] }]).slice(0, 1);
    await using both = await behindGate(api, { onUnavailable: "allow" }, () => ({ stream, ending: "cut" }));
    const { paid, gate } = both;
    await gate.shut();
    await assert.rejects(async () => {
      for await (const _ of await paid.openai.chat.completions.create({ ...CHAT, stream: true }));
    });
    await gate.open();
    assert.deepEqual(await paid.balance(), { spent: 14n * 150n + 3n * 600n, held: 0n });
  });

  it("keeps the charge of a call that was in flight when Purser became unavailable, and settles its hold", async () => {
    let gateOf: Gate | undefined;
    await using both = await behindGate(api, {}, () => {
      void gateOf?.shut();
      return { json: completion };
    });
    const { paid, gate } = both;
    gateOf = gate;
    await paid.openai.chat.completions.create(CHAT);
    const { budget } = await api.client.getBudget(paid.name);
    assert.equal(budget?.spentNanoUsd, 0n);
    assert.notEqual(budget?.heldNanoUsd, 0n);
    await gate.open();
    assert.deepEqual(await paid.balance(), { spent: COST, held: 0n });
  });

  it("refuses calls, even if they would be let through, while the maximum number of charges is pending", async () => {
    await using both = await behindGate(api, { onUnavailable: "allow", queueMax: 2 });
    const { paid, gate } = both;
    await gate.shut();
    const call = () => paid.openai.chat.completions.create(CHAT);
    await call();
    await call();
    await assert.rejects(call(), {
      name: "PurserUnavailableError",
      message: "2 charges are already waiting for Purser",
    });
    assert.equal(paid.provider.received.length, 2);
    await gate.open();
    assert.deepEqual(await paid.balance(), { spent: 2n * COST, held: 0n });
    await call();
    assert.deepEqual(await paid.balance(), { spent: 3n * COST, held: 0n });
  });

  it("reports a charge that Purser refuses permanently, and continues", async () => {
    const lost: unknown[] = [];
    await using both = await behindGate(api, {
      onUnavailable: "allow",
      onLost: (error) => lost.push(error),
    });
    const { paid, gate } = both;
    await gate.shut();
    await paid.openai.chat.completions.create({ ...CHAT, model: "no-such-model" });
    await paid.openai.chat.completions.create(CHAT);
    await gate.open();
    assert.deepEqual(await paid.balance(), { spent: COST, held: 0n });
    assert.equal(lost.length, 1);
    assert.match(String(lost[0]), /no price is known for model "no-such-model"/);
  });
});
