import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decide } from "../../../src/engine/commit/decide.ts";
import type { Post } from "../../../src/engine/commit/operation.ts";
import type { RecordRow } from "../../../src/store/legacy-records.ts";
import { budgetOf, chargeOf, createOf, DAY_US, reasonOf, resetOf } from "../../support/decisions.ts";

const row = (raisedUs: bigint): RecordRow => ({
  session: "s",
  user: "alice",
  isHandedOut: true,
  seenUs: 0n,
  memory: {
    costs: new Map([["m", raisedUs]]),
    raisedUs,
    begunUs: undefined,
    costsBefore: new Map(),
    beginnings: 0,
    lastUpdatedUs: undefined,
    totalNanoUsd: 9n,
    durationDays: undefined,
  },
});
const postOf = (changes: Partial<Post> = {}): Post => ({
  kind: "post",
  project: "p",
  user: "alice",
  steps: [chargeOf(5n)],
  before: row(1n),
  after: row(2n),
  windowStartUs: 0n,
  ...changes,
});
const update = (totalNanoUsd: bigint) =>
  ({ kind: "update", project: "p", user: "alice", change: { totalNanoUsd }, actor: "test" }) as const;
const stored = budgetOf({ spentNanoUsd: 70n });

describe("a post", () => {
  it("does its steps in order, each on the result of the one before, and keeps the rows of all", () => {
    const steps = [resetOf(), chargeOf(5n), chargeOf(6n, { requestId: "r3" }), update(500n)];
    const decision = decide({ path: [stored], record: row(1n) }, postOf({ steps }), 20n);
    assert.ok(decision.verdict.ok && decision.verdict.changed);
    assert.deepEqual([decision.path[0]?.spentNanoUsd, decision.path[0]?.totalNanoUsd], [11n, 500n]);
    assert.deepEqual(
      decision.entries.map(({ entry }) => [entry.kind, entry.spentAfterNanoUsd, entry.createdAtUs]),
      [
        ["RESET", 0n, 20n],
        ["CHARGE", 5n, 21n],
        ["CHARGE", 11n, 22n],
      ],
    );
    assert.deepEqual(
      decision.closed.map(({ spentNanoUsd }) => spentNanoUsd),
      [70n],
    );
    assert.equal(decision.verdict.budget, decision.path[0]);
    assert.deepEqual(decision.record, row(2n));
  });

  const widths = [
    { steps: [chargeOf(5n), resetOf()], written: "balances" },
    { steps: [update(5n), chargeOf(5n)], written: "settings" },
    { steps: [chargeOf(5n), update(5n)], written: "settings" },
  ] as const;
  for (const { steps, written } of widths) {
    it(`of a ${steps.map(({ kind }) => kind).join(" and a ")} writes the ${written}`, () => {
      const decision = decide({ path: [stored], record: row(1n) }, postOf({ steps }), 20n);
      assert.equal(decision.written, written);
    });
  }

  it("creates its budget with all columns, whatever the later steps write", () => {
    const steps = [createOf(), chargeOf(5n), update(500n)];
    const post = postOf({ steps, before: undefined, windowStartUs: undefined });
    const decision = decide({ path: [] }, post, 20n);
    assert.equal(decision.written, "created");
    assert.deepEqual([decision.path[0]?.spentNanoUsd, decision.path[0]?.totalNanoUsd], [5n, 500n]);
  });

  it("stores its memory even without steps", () => {
    const decision = decide({ path: [stored], record: row(1n) }, postOf({ steps: [] }), 20n);
    assert.ok(decision.verdict.ok && decision.verdict.changed);
    assert.deepEqual([decision.record, decision.path[0]], [row(2n), stored]);
  });

  it("writes nothing when one of its steps is refused", () => {
    const much = chargeOf(2n ** 63n - 1n, { requestId: "r3" });
    const decision = decide(
      { path: [stored], record: row(1n) },
      postOf({ steps: [chargeOf(5n), much] }),
      20n,
    );
    assert.equal(reasonOf(decision.verdict), "AMOUNT_OVERFLOW");
    const { path, entries, record, closed } = decision;
    assert.deepEqual(
      { path, entries, record, closed },
      { path: [stored], entries: [], record: undefined, closed: [] },
    );
  });

  it("is not done when the memory or the period has changed since it was chosen", () => {
    const stale = [
      { facts: { record: row(3n) }, post: postOf() },
      { facts: { record: undefined }, post: postOf() },
      { facts: { record: row(1n) }, post: postOf({ before: undefined }) },
      { facts: { record: row(1n) }, post: postOf({ windowStartUs: 1n }) },
      { facts: { record: row(1n) }, post: postOf({ windowStartUs: undefined }) },
    ];
    for (const { facts, post } of stale) {
      const { verdict, path, entries, record } = decide({ path: [stored], ...facts }, post, 20n);
      assert.ok(verdict.ok && !verdict.changed && !verdict.replayed);
      assert.deepEqual([path[0], entries, record], [stored, [], undefined]);
    }
    // The stored period has ended, so the post must be chosen for the current one.
    const facts = { path: [stored], record: row(1n) };
    assert.equal(decide(facts, postOf(), DAY_US).entries.length, 0);
    assert.equal(decide(facts, postOf({ windowStartUs: DAY_US }), DAY_US).entries.length, 1);
  });

  it("compares the contents of memories, and not the other columns of a record", () => {
    const record = { ...row(1n), seenUs: 99n };
    assert.equal(decide({ path: [stored], record }, postOf(), 20n).entries.length, 1);
  });

  it("is refused when its budget was deleted, unless it creates the budget and its memory is as it was", () => {
    const refused = [
      { record: row(1n), post: postOf({ windowStartUs: undefined }) },
      { record: row(1n), post: postOf({ steps: [createOf()] }) },
      { record: row(3n), post: postOf({ steps: [createOf()], windowStartUs: undefined }) },
      { record: row(1n), post: postOf({ steps: [], windowStartUs: undefined }) },
    ];
    for (const { record, post } of refused) {
      assert.equal(reasonOf(decide({ path: [], record }, post, 20n).verdict), "BUDGET_NOT_FOUND");
    }
    const post = postOf({ steps: [createOf()], windowStartUs: undefined });
    assert.equal(reasonOf(decide({ path: [], record: row(1n) }, post, 20n).verdict), "ok");
  });
});
