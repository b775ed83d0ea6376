import assert from "node:assert/strict";
import { it } from "node:test";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { OnExpiry } from "../../gen/es/budget/v1/reservation_pb.ts";
import { RetryInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { budgetExceeded, PurserUnavailableError } from "../../src/client/errors.ts";
import { type Api, suiteForEach } from "../support/api.ts";
import { type Paid, startPaid } from "../support/paid.ts";
import type { BudgetClient, TestServer } from "../support/server.ts";

/** gpt-4o-mini: $0.15 and $0.60 a million. */
const CHAT = {
  model: "gpt-4o-mini",
  messages: [{ role: "user" as const, content: "How tall is the Eiffel tower?" }],
  max_tokens: 1000,
};
const WORST_CASE = 14n * 150n + 1000n * 600n;
const usage = { prompt_tokens: 14, completion_tokens: 1000, total_tokens: 1014 };
const completion = { id: "c", object: "chat.completion", model: "gpt-4o-mini", choices: [], usage };

const answer = () => ({ json: completion });

const clientWith = ({ grpcUrl: baseUrl }: TestServer, interceptor: Interceptor): BudgetClient =>
  createClient(BudgetService, createGrpcTransport({ baseUrl, interceptors: [interceptor] }));

/** A client that loses the first answers of a method, after the server has done the work. */
function losing({ server }: Api, method: string, answers: number) {
  const loss = { left: answers };
  const lose: Interceptor = (next) => async (request) => {
    const answer = await next(request);
    if (request.method.name === method && loss.left-- > 0) throw new ConnectError("lost", Code.Unavailable);
    return answer;
  };
  return { client: clientWith(server, lose), loss };
}

/** Asserts that a call was charged its worst case, with one entry in the ledger. */
async function assertChargedOnce({ client }: Api, paid: Paid): Promise<void> {
  assert.deepEqual(await paid.balance(), { spent: WORST_CASE, held: 0n });
  const { entries } = await client.listCostEntries({ project: paid.name.project });
  assert.equal(entries.length, 1);
}

suiteForEach("budgetFetch", { ways: ["gRPC"] }, (api) => {
  it("never admits more concurrent calls than the budget covers", async () => {
    await using paid = await startPaid(api, answer, { totalNanoUsd: 5n * WORST_CASE });
    const calls = Array.from({ length: 20 }, () => paid.openai.chat.completions.create(CHAT));
    const outcomes = await Promise.allSettled(calls);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    assert.equal(refused.length, 15);
    for (const { reason } of refused) assert.ok(budgetExceeded(reason) !== undefined, String(reason));
    assert.equal(paid.provider.received.length, 5);
    assert.deepEqual(await paid.balance(), { spent: 5n * WORST_CASE, held: 0n });
  });

  it("holds and charges once when the answers of ReserveCost are lost", async () => {
    const lost: unknown[] = [];
    const { client } = losing(api, "ReserveCost", 2);
    const options = { client, onLost: (error: unknown) => lost.push(error) };
    await using paid = await startPaid(api, answer, options);
    await paid.openai.chat.completions.create(CHAT);
    await assertChargedOnce(api, paid);
    assert.deepEqual(lost, []);
  });

  it("charges once when the answers of UpdateCost are lost, and keeps the charge until one arrives", async () => {
    const lost: unknown[] = [];
    const { client, loss } = losing(api, "UpdateCost", Infinity);
    const options = { client, onLost: (error: unknown) => lost.push(error) };
    await using paid = await startPaid(api, answer, options);
    await paid.openai.chat.completions.create(CHAT);
    await assert.rejects(paid.fetch.flush(), { name: "PurserUnavailableError", message: /^1 charges are/ });
    loss.left = 0;
    await assertChargedOnce(api, paid);
    assert.deepEqual(lost, []);
  });

  it("settles the hold of a call that onUnavailable let through, if its reservation exists although the answer was lost", async () => {
    const { client } = losing(api, "ReserveCost", 1);
    const options = { client, onUnavailable: "allow" } as const;
    await using paid = await startPaid(api, answer, options);
    await paid.openai.chat.completions.create(CHAT);
    assert.deepEqual(await paid.balance(), { spent: WORST_CASE, held: 0n });
  });

  it("charges the cost that the response reports if that option was chosen", async () => {
    const reported = { ...completion, usage: { ...usage, cost: 0.25 } };
    await using paid = await startPaid(api, () => ({ json: reported }), { useReportedCost: true });
    await paid.openai.chat.completions.create(CHAT);
    assert.deepEqual(await paid.balance(), { spent: 250_000_000n, held: 0n });
  });

  it("passes its arguments unchanged to the fetch that it wraps", async () => {
    const sent: unknown[] = [];
    await using paid = await startPaid(api, answer, {
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

/** A client that records its releases. `onReserved` is called when the server has made a hold. */
function holding({ server }: Api, onReserved: () => void) {
  const releases: Promise<unknown>[] = [];
  const watch: Interceptor = (next) => async (request) => {
    const answered = next(request);
    if (request.method.name === "ReleaseReservation") releases.push(answered);
    const message = await answered;
    if (request.method.name === "ReserveCost") onReserved();
    return message;
  };
  return { client: clientWith(server, watch), releases };
}

/** Asserts that a call was not sent, and that its hold was released once. */
async function assertReleased(paid: Paid, releases: readonly Promise<unknown>[]): Promise<void> {
  assert.equal(releases.length, 1);
  await Promise.all(releases);
  assert.deepEqual(await paid.balance(), { spent: 0n, held: 0n });
  assert.deepEqual(paid.provider.received, []);
}

const post = (paid: Paid, signal?: AbortSignal): Promise<Response> =>
  paid.fetch(`${paid.provider.url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify(CHAT),
    ...(signal && { signal }),
  });

suiteForEach("A hold of budgetFetch", { stores: ["PGlite"], ways: ["gRPC"] }, (api) => {
  const reasons = {
    AbortError: undefined,
    "its own error": new ConnectError("enough", Code.InvalidArgument),
  };
  for (const [name, reason] of Object.entries(reasons)) {
    for (const isAnswered of [true, false]) {
      const when = isAnswered ? "before it is sent" : "before Purser's answer arrives";
      it(`is released if the caller aborts with ${name} ${when}`, async () => {
        const caller = new AbortController();
        const { client, releases } = holding(api, () => {
          caller.abort(reason);
          if (!isAnswered) throw new Error("the connection was closed");
        });
        await using paid = await startPaid(api, answer, { client });
        await assert.rejects(post(paid, caller.signal), reason ?? { name: "AbortError" });
        await assertReleased(paid, releases);
      });
    }
  }

  it("is released if Purser's answer is lost and the call fails", async () => {
    const releases: Promise<unknown>[] = [];
    // This client ignores the time limit, so that the server is reached in any case.
    const client: BudgetClient = {
      ...api.client,
      async reserveCost(request) {
        await api.client.reserveCost(request);
        throw new ConnectError("lost", Code.Unavailable);
      },
      releaseReservation(request) {
        const released = api.client.releaseReservation(request);
        releases.push(released);
        return released;
      },
    };
    await using paid = await startPaid(api, answer, { client, timeoutMs: 1 });
    await assert.rejects(post(paid), PurserUnavailableError);
    await assertReleased(paid, releases);
    const { reservations } = await api.client.listReservations({ project: paid.name.project });
    assert.equal(reservations.length, 1);
  });

  it("is not retried if Purser asks for a delay that exceeds the time limit", async () => {
    let attempts = 0;
    const client: BudgetClient = {
      ...api.client,
      async reserveCost(...args) {
        if (attempts++ > 0) return api.client.reserveCost(...args);
        throw new ConnectError("full", Code.Unavailable, undefined, [
          { desc: RetryInfoSchema, value: { retryDelay: { seconds: 121n } } },
        ]);
      },
    };
    await using paid = await startPaid(api, answer, { client, timeoutMs: 120_000 });
    await assert.rejects(post(paid), PurserUnavailableError);
    assert.equal(attempts, 1);
  });

  it("lasts 15 minutes and is released then, unless other values are chosen", async () => {
    for (const [options, seconds, onExpiry] of [
      [{}, 900n, OnExpiry.RELEASE],
      [{ holdMs: 3_600_000, onExpiry: "charge" }, 3600n, OnExpiry.CHARGE],
    ] as const) {
      await using paid = await startPaid(api, answer, options);
      await post(paid);
      const { reservations } = await api.client.listReservations({ project: paid.name.project });
      const [reservation] = reservations;
      assert.ok(reservation?.createTime && reservation.expireTime && reservations.length === 1);
      const { createTime, expireTime } = reservation;
      assert.deepEqual(
        [expireTime.seconds - createTime.seconds, expireTime.nanos, reservation.onExpiry],
        [seconds, createTime.nanos, onExpiry],
      );
    }
  });

  it("has the time limit of every call of Purser, as the calls after it have", async () => {
    const timeoutMs = 123_456;
    const limits = new Map<string, number>();
    const watch: Interceptor = (next) => (request) => {
      const [, ms] = /^(\d+)m$/.exec(request.header.get("grpc-timeout") ?? "") ?? [];
      limits.set(request.method.name, Number(ms));
      return next(request);
    };
    const client = clientWith(api.server, watch);
    const { usage: _, ...withoutUsage } = completion;
    const choices = [{ index: 0, message: { role: "assistant", content: "330 metres." } }];
    const answers = [{ json: {}, status: 400 }, { json: { ...withoutUsage, choices } }];
    await using paid = await startPaid(api, () => answers.shift() ?? "cut", {
      client,
      timeoutMs,
      totalNanoUsd: WORST_CASE,
    });
    await post(paid);
    await post(paid);
    await assert.rejects(post(paid), { name: "BudgetExceededError" });
    const { ReserveCost: first = 0, ...others } = Object.fromEntries(limits);
    // Retries share the limit of the first attempt.
    assert.ok(first > 0 && first <= timeoutMs, String(first));
    assert.deepEqual(others, {
      ReleaseReservation: timeoutMs,
      ProjectedCost: timeoutMs,
      UpdateCost: timeoutMs,
      GetBudget: timeoutMs,
    });
  });
});
