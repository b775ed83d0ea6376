import assert from "node:assert/strict";
import { test } from "node:test";
import { EntryKind, EntrySource } from "../../gen/es/budget/v1/cost_pb.ts";
import { budgetIn, charge, EVERY_WAY, type Name, stateOf, suiteForEach } from "../support/api.ts";
import { assertConserved } from "../support/conservation.ts";
import { assertInvalid, assertRefused } from "../support/errors.ts";

suiteForEach("RefundCost", { ways: EVERY_WAY }, (api) => {
  const newBudget = async (): Promise<Name> => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 100n });
    return name;
  };
  const refund = (name: Name, chargeRequestId: string, amountNanoUsd?: bigint, requestId = "") =>
    api.client.refundCost({ project: name.project, chargeRequestId, amountNanoUsd, requestId });

  test("takes back the cost of a charge, as a correction that names it", async () => {
    const name = await newBudget();
    await charge(api, name, 30n, { model: "a", requestId: "charge" });
    await charge(api, name, 5n, { model: "b" });
    const answer = await refund(name, "charge", undefined, "refund");
    assert.deepEqual([answer.refundedNanoUsd, answer.replayed, answer.requestId], [30n, false, "refund"]);
    assert.deepEqual([answer.budget?.spentNanoUsd, answer.budget?.remainingNanoUsd], [5n, 95n]);
    assert.deepEqual((await api.client.getCurrentCost(name)).modelCosts, { a: 0n, b: 5n });
    const [entry] = (await api.client.listCostEntries(name)).entries;
    assert.deepEqual(
      [
        entry?.kind,
        entry?.source,
        entry?.model,
        entry?.costNanoUsd,
        entry?.correctsRequestId,
        entry?.requestId,
      ],
      [EntryKind.CORRECTION, EntrySource.REFUND, "a", -30n, "charge", "refund"],
    );
    await assertConserved(api.server.database.kysely);
  });

  test("takes back parts, together at most the charged amount", async () => {
    const name = await newBudget();
    await charge(api, name, 30n, { requestId: "charge" });
    assert.equal((await refund(name, "charge", 10n)).refundedNanoUsd, 10n);
    const state = await stateOf(api, name);
    await assertRefused(refund(name, "charge", 21n), "FailedPrecondition", "REFUND_EXCEEDS_CHARGE", {
      project: name.project,
      request_id: "charge",
      left_nano_usd: "20",
    });
    assert.deepEqual(await stateOf(api, name), state);
    assert.equal((await refund(name, "charge")).refundedNanoUsd, 20n);
    await assertRefused(refund(name, "charge"), "FailedPrecondition", "REFUND_EXCEEDS_CHARGE", {
      project: name.project,
      request_id: "charge",
      left_nano_usd: "0",
    });
  });

  test("takes back no more than the charge when many run concurrently", async () => {
    const name = await newBudget();
    await charge(api, name, 30n, { requestId: "charge" });
    const refunds = await Promise.allSettled(Array.from({ length: 10 }, () => refund(name, "charge", 7n)));
    assert.equal(refunds.filter(({ status }) => status === "fulfilled").length, 4);
    assert.equal((await budgetIn(api.client.getBudget(name))).spentNanoUsd, 2n);
  });

  test("happens once for a request_id, and refuses another payload with it", async () => {
    const name = await newBudget();
    await charge(api, name, 30n, { requestId: "charge" });
    const first = await refund(name, "charge", 10n, "refund");
    await charge(api, name, 1n);
    const second = await refund(name, "charge", 10n, "refund");
    assert.deepEqual(second, { ...first, replayed: true });
    // A request id belongs to either a charge or a refund.
    for (const [requestId, amount] of [
      ["refund", 11n],
      ["charge", 1n],
    ] as const) {
      await assertRefused(refund(name, "charge", amount, requestId), "AlreadyExists", "REQUEST_ID_REUSED", {
        project: name.project,
        request_id: requestId,
      });
    }
  });

  test("counts on every ancestor on which the charge counted, wherever the budget is now", async () => {
    const { project } = api.newName();
    for (const user of ["old", "new"]) {
      await api.client.createBudget({ project, user, totalBudgetNanoUsd: 100n });
    }
    const name = { project, user: "member" };
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 100n, parent: "old" });
    await charge(api, name, 30n, { requestId: "charge" });
    await api.client.updateBudget({ ...name, updateMask: { paths: ["parent"] }, parent: "new" });
    await refund(name, "charge", 12n);
    const spent = await Promise.all(
      ["member", "old", "new"].map(
        async (user) => (await budgetIn(api.client.getBudget({ project, user }))).spentNanoUsd,
      ),
    );
    assert.deepEqual(spent, [18n, 18n, 0n]);
    await assertConserved(api.server.database.kysely);
  });

  test("counts in the current period, also if the period of the charge is closed", async () => {
    const name = await newBudget();
    await charge(api, name, 30n, { requestId: "charge" });
    await api.client.resetCost(name);
    const { budget } = await refund(name, "charge", 12n);
    assert.deepEqual([budget?.spentNanoUsd, budget?.remainingNanoUsd], [-12n, 112n]);
    const { periods } = await api.client.listPeriods(name);
    assert.deepEqual(
      periods.map((period) => period.spentNanoUsd),
      [30n],
    );
    await assertConserved(api.server.database.kysely);
  });

  test("finds charges only, and none of a deleted budget", async () => {
    const name = await newBudget();
    const { requestId: reset } = await api.client.resetCost(name);
    await charge(api, name, 30n, { requestId: "charge" });
    const { requestId: correction } = await refund(name, "charge", 1n);
    for (const id of ["never", reset, correction]) {
      await assertRefused(refund(name, id), "NotFound", "CHARGE_NOT_FOUND", {
        project: name.project,
        request_id: id,
      });
    }
    await api.client.deleteBudget(name);
    await assertRefused(refund(name, "charge"), "NotFound", "BUDGET_NOT_FOUND", name);
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 100n });
    await assertRefused(refund(name, "charge"), "NotFound", "CHARGE_NOT_FOUND", {
      project: name.project,
      request_id: "charge",
    });
  });

  test("refuses an invalid amount, and an id that names no charge", async () => {
    const name = await newBudget();
    await assertInvalid(refund(name, ""), "charge_request_id", "is required");
    await assertInvalid(refund(name, "charge", 0n), "amount_nano_usd", "must be more than 0, not 0");
    await assertInvalid(refund(name, "charge", -1n), "amount_nano_usd", "must be more than 0, not -1");
    await assertInvalid(api.client.refundCost({ chargeRequestId: "charge" }), "project", "is required");
  });
});
