import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Code } from "@connectrpc/connect";
import { sql } from "kysely";
import { Duration } from "../../gen/es/budget/v1/budget_pb.ts";
import { EntrySource } from "../../gen/es/budget/v1/cost_pb.ts";
import { OnExpiry, ReservationState } from "../../gen/es/budget/v1/reservation_pb.ts";
import { bank, DOLLAR, refusal } from "../support/reservations.ts";
import { makeStore, STORES, startTestServer, type TestServer } from "../support/server.ts";

for (const kind of STORES) {
  describe(`reservations on ${kind}`, () => {
    const stack = new AsyncDisposableStack();
    let server: TestServer;
    let bankOf: ReturnType<typeof bank>;
    before(async () => {
      const { environment } = stack.use(await makeStore(kind));
      server = stack.use(await startTestServer(environment));
      bankOf = bank(server);
    });
    after(() => stack.disposeAsync());

    it("that have expired are also ended by CreateBudget, UpdateBudget and DeleteBudget", async () => {
      const name = await bankOf.newBudget("expired-by-changes", "alice", 10n);
      const definition = {
        ...name,
        totalBudgetNanoUsd: 10n * DOLLAR,
        duration: Duration.MONTHLY,
        parent: "",
      };
      const expire = async (): Promise<void> => {
        await bankOf.reserve(name, 4n);
        await sql`update reservations set expires_at = clock_timestamp() where project = ${name.project}`.execute(
          server.database.kysely,
        );
      };
      await expire();
      const again = await server.grpc.createBudget(definition);
      assert.equal(again.budget?.heldNanoUsd, 0n);
      await expire();
      const updateMask = { paths: ["total_budget_nano_usd"] };
      const changed = await server.grpc.updateBudget({ ...definition, updateMask });
      assert.equal(changed.budget?.heldNanoUsd, 0n);
      await expire();
      await server.grpc.deleteBudget(name);
    });

    it("are admitted up to and including the total, and refused beyond it", async () => {
      const name = await bankOf.newBudget("limit", "alice", 10n);
      await bankOf.reserve(name, 4n);
      await bankOf.reserve(name, 6n);
      assert.deepEqual(await bankOf.balances(name), [0n, 10n, 0n]);
      const { code, reason, metadata, quota, retry } = await refusal(
        server.grpc.reserveCost({ ...name, model: "m", amount: { case: "costNanoUsd", value: 1n } }),
      );
      assert.deepEqual([code, reason], [Code.ResourceExhausted, "BUDGET_EXCEEDED"]);
      assert.equal(metadata.user, "alice");
      assert.equal(metadata.remaining_nano_usd, "0");
      assert.equal(quota?.violations[0]?.subject, "budget:limit/alice");
      // The first hold expires in 10 minutes, long before the month ends.
      const seconds = Number(retry?.retryDelay?.seconds);
      assert.ok(seconds > 0 && seconds <= 600, String(seconds));
      assert.deepEqual(await bankOf.balances(name), [0n, 10n, 0n]);
    });

    it("are settled below and above the hold, and free it in the same transaction", async () => {
      const name = await bankOf.newBudget("settle", "alice", 10n);
      const { reservation: below } = await bankOf.reserve(name, 4n);
      await bankOf.settle(name, below?.reservationId ?? "", 1n);
      assert.deepEqual(await bankOf.balances(name), [1n, 0n, 9n]);
      const { reservation: above } = await bankOf.reserve(name, 4n);
      const { overBudget } = await bankOf.settle(name, above?.reservationId ?? "", 12n);
      assert.equal(overBudget, true);
      assert.deepEqual(await bankOf.balances(name), [13n, 0n, -3n]);
    });

    it("end exactly once; a late settle is still charged", async () => {
      const name = await bankOf.newBudget("late", "alice", 10n);
      const id = (await bankOf.reserve(name, 4n)).reservation?.reservationId ?? "";
      const released = await server.grpc.releaseReservation({ project: "late", reservationId: id });
      assert.equal(released.reservation?.state, ReservationState.RELEASED);
      const again = await server.grpc.releaseReservation({ project: "late", reservationId: id });
      assert.deepEqual(again.reservation, released.reservation);
      assert.deepEqual(await bankOf.balances(name), [0n, 0n, 10n]);
      await bankOf.settle(name, id, 3n);
      assert.deepEqual(await bankOf.balances(name), [3n, 0n, 7n]);
      const { reservations } = await server.grpc.listReservations({ project: "late" });
      assert.deepEqual(
        reservations.map((each) => each.state),
        [ReservationState.RELEASED],
      );
      const settled = (await bankOf.reserve(name, 1n)).reservation?.reservationId ?? "";
      await bankOf.settle(name, settled, 1n);
      const closed = await refusal(
        server.grpc.releaseReservation({ project: "late", reservationId: settled }),
      );
      assert.deepEqual([closed.code, closed.reason], [Code.FailedPrecondition, "RESERVATION_CLOSED"]);
    });

    it("are opened once for one request_id, which names them", async () => {
      const name = await bankOf.newBudget("once", "alice", 10n);
      const first = await bankOf.reserve(name, 4n, "call-1");
      const second = await bankOf.reserve(name, 4n, "call-1");
      assert.deepEqual([first.replayed, second.replayed], [false, true]);
      assert.equal(first.reservation?.reservationId, "call-1");
      assert.deepEqual(second.reservation, first.reservation);
      assert.deepEqual(await bankOf.balances(name), [0n, 4n, 6n]);
      assert.equal((await refusal(bankOf.reserve(name, 5n, "call-1"))).reason, "REQUEST_ID_REUSED");
      const reused = server.grpc.updateCost({
        ...name,
        requestId: "call-1",
        source: { case: "cost", value: { model: "m", costNanoUsd: 1n } },
      });
      assert.equal((await refusal(reused)).reason, "REQUEST_ID_REUSED");
    });

    it("expire by themselves: the hold is freed without a sweep", async () => {
      const name = await bankOf.newBudget("expiry", "alice", 10n);
      const id = (await bankOf.reserve(name, 10n)).reservation?.reservationId ?? "";
      await bankOf.runOut("expiry");
      await bankOf.reserve(name, 10n);
      await bankOf.runOut("expiry");
      assert.deepEqual(await bankOf.balances(name), [0n, 0n, 10n]);
      const late = await refusal(
        server.grpc.extendReservation({ project: "expiry", reservationId: id, ttl: { seconds: 60n } }),
      );
      assert.deepEqual([late.reason, late.metadata.state], ["RESERVATION_CLOSED", "EXPIRED"]);
      await bankOf.settle(name, id, 2n);
      assert.deepEqual(await bankOf.balances(name), [2n, 0n, 8n]);
    });

    it("become a charge when they expire, if that was chosen", async () => {
      const name = await bankOf.newBudget("in-flight", "alice", 10n);
      await server.grpc.reserveCost({
        ...name,
        model: "gpt-4o",
        requestId: "flight",
        onExpiry: OnExpiry.CHARGE,
        amount: { case: "costNanoUsd", value: 3n * DOLLAR },
      });
      await bankOf.runOut("in-flight");
      const cost = await server.grpc.getCurrentCost(name);
      assert.deepEqual(cost.modelCosts, { "gpt-4o": 3n * DOLLAR });
      const { entries } = await server.grpc.listCostEntries(name);
      assert.deepEqual(
        entries.map((entry) => [entry.source, entry.reservationId, entry.costNanoUsd]),
        [[EntrySource.RESERVATION, "flight", 3n * DOLLAR]],
      );
    });

    it("can be extended, and report their expire time", async () => {
      const name = await bankOf.newBudget("extend", "alice", 10n);
      const { reservation } = await bankOf.reserve(name, 1n);
      const ttl = { seconds: 86_400n, nanos: 0 };
      const extended = await server.grpc.extendReservation({
        project: "extend",
        reservationId: reservation?.reservationId,
        ttl,
      });
      assert.ok((extended.reservation?.expireTime?.seconds ?? 0n) > (reservation?.expireTime?.seconds ?? 0n));
      for (const [bad, field] of [
        [{ seconds: 0n, nanos: 0 }, "ttl"],
        [{ seconds: 86_400n, nanos: 1000 }, "ttl"],
        [undefined, "ttl"],
      ] as const) {
        const call = server.grpc.extendReservation({
          project: "extend",
          reservationId: reservation?.reservationId,
          ttl: bad,
        });
        assert.equal((await refusal(call)).metadata.field, field);
      }
      const unknown = server.grpc.releaseReservation({ project: "extend", reservationId: "nothing" });
      assert.equal((await refusal(unknown)).reason, "RESERVATION_NOT_FOUND");
    });

    it("hold the worst case of a call, and report how it was computed", async () => {
      const name = await bankOf.newBudget("estimate", "alice", 10n);
      const messages = [{ role: "user", content: "Say hello." }];
      const call = { ...name, model: "gpt-4o-mini" };
      const bounded = await server.grpc.reserveCost({
        ...call,
        amount: { case: "estimate", value: { messages, maxOutputTokens: 100n } },
      });
      const { estimate } = bounded;
      assert.equal(estimate?.maxOutputTokens, 100n);
      assert.equal(estimate?.maxOutputAssumed, false);
      const prompt = estimate?.promptTokens ?? 0n;
      assert.equal(bounded.reservation?.heldNanoUsd, prompt * 150n + 100n * 600n);
      // Without an output bound: everything that the model's context of 128000 tokens leaves.
      const unbounded = await server.grpc.reserveCost({
        ...call,
        amount: { case: "estimate", value: { messages } },
      });
      assert.equal(unbounded.estimate?.maxOutputAssumed, true);
      assert.equal(unbounded.estimate?.maxOutputTokens, 128_000n - prompt);
      assert.match(unbounded.estimate?.price?.assumptions.join() ?? "", /the rest of a context of 128000/);
      await server.grpc.setModelPrice({
        project: name.project,
        price: {
          model: "in-house",
          rates: [
            { dimension: "input", usd: "1" },
            { dimension: "output", usd: "1" },
          ],
        },
      });
      const unknown = server.grpc.reserveCost({
        ...name,
        model: "in-house",
        amount: { case: "estimate", value: { messages } },
      });
      assert.equal((await refusal(unknown)).metadata.field, "estimate.max_output_tokens");
    });

    it("notify watchers, who can resume from the last version that they saw", async () => {
      const name = await bankOf.newBudget("watched", "alice", 10n);
      for (const client of [server.grpc, server.connect]) {
        // Leaving the loop does not end the call; its signal does.
        using stop = new DisposableStack();
        const signal = stop.adopt(new AbortController(), (controller) => controller.abort()).signal;
        const seen: bigint[] = [];
        let version = 0n;
        for await (const { budget } of client.watchBudget(name, { signal })) {
          seen.push((budget?.spentNanoUsd ?? -1n) / DOLLAR);
          version = budget?.version ?? 0n;
          if (seen.length === 2) break;
          await bankOf.settle(name, "", 1n);
        }
        assert.equal(seen[1], (seen[0] ?? 0n) + 1n);
        const resumed = client
          .watchBudget({ ...name, lastVersion: version }, { signal })
          [Symbol.asyncIterator]();
        const next = resumed.next();
        await bankOf.settle(name, "", 1n);
        const { value } = await next;
        assert.equal((value?.budget?.spentNanoUsd ?? 0n) / DOLLAR, (seen[1] ?? 0n) + 1n);
      }
      const nobody = server.grpc.watchBudget({ ...name, user: "nobody" })[Symbol.asyncIterator]();
      assert.equal((await refusal(nobody.next())).reason, "BUDGET_NOT_FOUND");
    });
  });
}
