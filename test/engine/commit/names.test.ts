import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Ancestry } from "../../../src/engine/commit/ancestry.ts";
import { keysOf, namesToLock, projectsOf } from "../../../src/engine/commit/names.ts";
import { needsBelow, newParentOf, type Operation } from "../../../src/engine/commit/operation.ts";
import {
  type Abandoned,
  inOrder,
  refused,
  type Submitted,
  withoutAbandoned,
} from "../../../src/engine/commit/submitted.ts";
import type { BudgetName } from "../../../src/store/names.ts";
import { chargeOf, createOf, expireOf, refundOf } from "../../support/decisions.ts";

/** Hints of ancestors, by user. They may be stale. */
const ancestryOf = (hints: Record<string, readonly string[]>): Ancestry => ({
  of: ({ user }) => hints[user] ?? [],
  refresh: async () => {},
});
const lockedBy = (
  operations: readonly Operation[],
  hints: Record<string, readonly string[]> = {},
): string[] => namesToLock(ancestryOf(hints), operations).map(({ project, user }) => `${project}/${user}`);
const updateOf = (change: Extract<Operation, { kind: "update" }>["change"]): Operation => ({
  kind: "update",
  project: "p",
  user: "alice",
  change,
  actor: "test",
});
const postOf = (steps: Extract<Operation, { kind: "post" }>["steps"]): Operation =>
  ({ kind: "post", project: "p", user: "alice", steps }) as unknown as Operation;
const named = { project: "p", user: "alice" };

describe("the budgets to lock", () => {
  it("are the budget of each operation and its ancestors, each once", () => {
    const operations = [
      chargeOf(1n),
      chargeOf(1n, { user: "bob" }),
      chargeOf(1n),
      chargeOf(1n, { project: "q" }),
    ];
    assert.deepEqual(lockedBy(operations, { alice: ["team", "org"], bob: ["team"] }), [
      "p/alice",
      "p/team",
      "p/org",
      "p/bob",
      "q/alice",
      "q/team",
      "q/org",
    ]);
  });

  it("include the new parent of a budget, with the parent's ancestors", () => {
    const hints = { team: ["org"], alice: ["old"] };
    assert.deepEqual(lockedBy([createOf({ user: "new", parent: "team" })], hints), [
      "p/new",
      "p/team",
      "p/org",
    ]);
    assert.deepEqual(lockedBy([updateOf({ parent: "team" })], hints), [
      "p/alice",
      "p/old",
      "p/team",
      "p/org",
    ]);
    assert.deepEqual(lockedBy([updateOf({ parent: undefined })], hints), ["p/alice", "p/old"]);
  });

  it("include the ancestors on which a refunded charge counted, and those on which an expired hold counts", () => {
    assert.deepEqual(lockedBy([refundOf(1n, { chargedAncestors: ["former"] })], { alice: ["team"] }), [
      "p/alice",
      "p/team",
      "p/former",
    ]);
    assert.deepEqual(lockedBy([expireOf({ ancestors: ["former"] })]), ["p/alice", "p/former"]);
  });

  it("include the ancestors of a budget that a stale hint has named as an ancestor before", () => {
    const operations = [chargeOf(1n), chargeOf(1n, { user: "team" })];
    assert.deepEqual(lockedBy(operations, { alice: ["team"], team: ["org"] }), [
      "p/alice",
      "p/team",
      "p/org",
    ]);
  });

  it("have distinct keys and projects", () => {
    const names: BudgetName[] = [
      named,
      { project: "p", user: "bob" },
      named,
      { project: "q", user: "alice" },
    ];
    assert.deepEqual([...keysOf(names)], ["p\0alice", "p\0bob", "q\0alice"]);
    assert.deepEqual(projectsOf([chargeOf(1n), chargeOf(2n), chargeOf(3n, { project: "q" })]), ["p", "q"]);
  });
});

describe("an operation", () => {
  const setLimits = updateOf({ modelLimits: [] });
  const kinds: [string, Operation, boolean][] = [
    ["charge", chargeOf(1n), false],
    ["creation", createOf({ parent: "team" }), false],
    ["deletion", { kind: "delete", ...named, actor: "test" }, true],
    ["update of the total", updateOf({ totalNanoUsd: 1n }), false],
    ["update of the period", updateOf({ period: undefined }), false],
    ["update of the parent", updateOf({ parent: "team" }), true],
    ["update that makes its budget a root", updateOf({ parent: undefined }), true],
    ["update of the limits", setLimits, true],
    ["post without steps", postOf([]), false],
    ["post of a charge", postOf([chargeOf(1n)]), false],
    ["post of an update of the limits", postOf([chargeOf(1n), setLimits as never]), true],
  ];
  for (const [what, operation, needs] of kinds) {
    it(`that is a ${what} ${needs ? "depends" : "does not depend"} on what is below its budget`, () => {
      assert.equal(needsBelow(operation), needs);
    });
  }

  it("gives a parent to its budget if it creates or moves the budget", () => {
    assert.equal(newParentOf(createOf({ parent: "team" })), "team");
    assert.equal(newParentOf(updateOf({ parent: "org" })), "org");
    assert.equal(newParentOf(updateOf({ totalNanoUsd: 1n })), undefined);
    assert.equal(newParentOf(chargeOf(1n)), undefined);
  });
});

describe("submitted operations", () => {
  it("whose callers have gone get their reasons as verdicts, and the others stay, in order", () => {
    const callers: (Abandoned | undefined)[] = [
      undefined,
      () => undefined,
      () => "CANCELLED",
      () => "DEADLINE_EXCEEDED",
    ];
    const submitted = callers.map((abandoned): Submitted => ({ operation: chargeOf(1n), abandoned }));
    const verdicts = new Map();
    assert.deepEqual(withoutAbandoned(submitted, verdicts), submitted.slice(0, 2));
    assert.deepEqual(
      [...verdicts],
      [
        [submitted[2], refused({ reason: "CANCELLED" })],
        [submitted[3], refused({ reason: "DEADLINE_EXCEEDED" })],
      ],
    );
  });

  it("get the results of two groups in the order in which they were submitted", () => {
    const some = new Map([
      ["c", 3],
      ["a", 1],
    ]);
    assert.deepEqual(inOrder(["a", "b", "c", "d"], some, ["b", "d"], [2, 4]), [1, 2, 3, 4]);
  });
});
