import assert from "node:assert/strict";
import { it } from "node:test";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { OnExpiry } from "../../gen/es/budget/v1/reservation_pb.ts";
import { budgetExceeded } from "../../src/client/errors.ts";
import { type Api, suiteForEach } from "../support/api.ts";
import { startPaid } from "../support/paid.ts";

/** gpt-4o-mini: $0.15 and $0.60 a million. */
const CHAT = {
  model: "gpt-4o-mini",
  messages: [{ role: "user" as const, content: "How tall is the Eiffel tower?" }],
  max_tokens: 1000,
};
const WORST_CASE = 14n * 150n + 1000n * 600n;
const usage = { prompt_tokens: 14, completion_tokens: 1000, total_tokens: 1014 };
const completion = { id: "c", object: "chat.completion", model: "gpt-4o-mini", choices: [], usage };

/** A client that loses the first answers of a method, after the server has done the work. */
function losing({ server }: Api, method: string, answers: number) {
  let left = answers;
  const lose: Interceptor = (next) => async (request) => {
    const answer = await next(request);
    if (request.method.name === method && left-- > 0) throw new ConnectError("lost", Code.Unavailable);
    return answer;
  };
  return createClient(BudgetService, createGrpcTransport({ baseUrl: server.grpcUrl, interceptors: [lose] }));
}

suiteForEach("budgetFetch", { ways: ["gRPC"] }, (api) => {
  it("never admits more concurrent calls than the budget covers", async () => {
    await using paid = await startPaid(api, () => ({ json: completion }), { totalNanoUsd: 5n * WORST_CASE });
    const calls = Array.from({ length: 20 }, () => paid.openai.chat.completions.create(CHAT));
    const outcomes = await Promise.allSettled(calls);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    assert.equal(refused.length, 15);
    for (const { reason } of refused) assert.ok(budgetExceeded(reason) !== undefined, String(reason));
    assert.equal(paid.provider.received.length, 5);
    assert.deepEqual(await paid.balance(), { spent: 5n * WORST_CASE, held: 0n });
  });

  it("holds and charges once when answers are lost", async () => {
    for (const method of ["ReserveCost", "UpdateCost"]) {
      const client = losing(api, method, 2);
      await using paid = await startPaid(api, () => ({ json: completion }), { client });
      await paid.openai.chat.completions.create(CHAT);
      await paid.fetch.flush().catch(() => {});
      assert.deepEqual(await paid.balance(), { spent: WORST_CASE, held: 0n }, method);
      const { entries } = await api.client.listCostEntries({ project: paid.name.project });
      assert.equal(entries.length, 1);
    }
  });

  it("settles the hold of a call that onUnavailable let through, if its reservation exists although the answer was lost", async () => {
    const client = losing(api, "ReserveCost", 1);
    const options = { client, onUnavailable: "allow" } as const;
    await using paid = await startPaid(api, () => ({ json: completion }), options);
    await paid.openai.chat.completions.create(CHAT);
    assert.deepEqual(await paid.balance(), { spent: WORST_CASE, held: 0n });
  });

  it("charges the cost that the response reports if that option was chosen", async () => {
    const reported = { ...completion, usage: { ...usage, cost: 0.25 } };
    await using paid = await startPaid(api, () => ({ json: reported }), { useReportedCost: true });
    await paid.openai.chat.completions.create(CHAT);
    assert.deepEqual(await paid.balance(), { spent: 250_000_000n, held: 0n });
  });

  it("uses the chosen time to live and expiry action for its holds", async () => {
    const holdMs = 3_600_000;
    await using paid = await startPaid(api, () => ({ json: completion }), { holdMs, onExpiry: "charge" });
    await paid.openai.chat.completions.create(CHAT);
    const { reservations } = await api.client.listReservations({ project: paid.name.project });
    const [reservation] = reservations;
    assert.equal(reservations.length, 1);
    assert.equal(reservation?.onExpiry, OnExpiry.CHARGE);
    const { createTime, expireTime } = reservation;
    assert.equal(Number((expireTime?.seconds ?? 0n) - (createTime?.seconds ?? 0n)) * 1000, holdMs);
  });

  it("passes its arguments unchanged to the fetch that it wraps", async () => {
    const sent: unknown[] = [];
    await using paid = await startPaid(api, () => ({ json: completion }), {
      fetch: (input, init) => {
        sent.push(input, init);
        return globalThis.fetch(input, init);
      },
    });
    const url = new URL(`${paid.provider.url}/v1/chat/completions`);
    const init = { method: "POST", body: JSON.stringify(CHAT), headers: { "x-mine": "1" } };
    const response = await paid.fetch(url, init);
    assert.deepEqual(await response.json(), completion);
    assert.ok(sent[0] === url && sent[1] === init);
    assert.equal(paid.provider.received[0]?.headers["x-mine"], "1");
  });
});
