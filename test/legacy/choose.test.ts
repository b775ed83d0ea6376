import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Memory } from "../../src/domain/legacy-memory.ts";
import type { Post } from "../../src/engine/commit/operation.ts";
import { postOf, type Seen, sessionOf } from "../../src/legacy/choose.ts";
import type { Origin } from "../../src/legacy/origin.ts";
import type { LegacyRecord } from "../../src/legacy/record.ts";
import { budgetOf, DAY_US } from "../support/decisions.ts";

const NOW_US = 1_800_000_000_000_000n;
const LOADED_US = NOW_US - 3_600_000_000n;
const DOLLAR = 1_000_000_000n;
const POSTED = { project: "p", actor: "test" };

const costs = (nanoUsd: bigint): ReadonlyMap<string, bigint> =>
  new Map(nanoUsd === 0n ? [] : [["m", nanoUsd]]);

/** A record that was handed out with $1 spent of $10, and that its client has not changed. */
const origin: Origin = {
  session: "a-session",
  issuedUs: LOADED_US,
  totalNanoUsd: 10n * DOLLAR,
  durationDays: 1,
  lastUpdatedUs: LOADED_US,
  costs: costs(DOLLAR),
};
const loaded = (changes: Partial<LegacyRecord> = {}): LegacyRecord => ({
  user: "alice",
  totalNanoUsd: 10n * DOLLAR,
  durationDays: 1,
  createdUs: LOADED_US,
  lastUpdatedUs: LOADED_US,
  costs: costs(DOLLAR),
  isZeroed: false,
  origin,
  ...changes,
});
/** A record that the client has made. */
const made = (changes: Partial<LegacyRecord> = {}): LegacyRecord =>
  loaded({
    origin: undefined,
    durationDays: undefined,
    lastUpdatedUs: undefined,
    costs: costs(0n),
    ...changes,
  });

const stored = budgetOf({
  totalNanoUsd: 10n * DOLLAR,
  spentNanoUsd: DOLLAR,
  periodId: LOADED_US - 10n,
  periodStartUs: LOADED_US - 10n,
  periodEndUs: NOW_US + 10n,
  createdAtUs: LOADED_US - 10n,
  updatedAtUs: LOADED_US - 10n,
});
const seen = (changes: Partial<Seen> = {}): Seen => ({
  row: undefined,
  budget: stored,
  nowUs: NOW_US,
  ...changes,
});

const rowOf = (memory: Partial<Memory>) => ({
  session: "a-session",
  user: "alice",
  isHandedOut: true,
  seenUs: LOADED_US,
  memory: {
    costs: costs(DOLLAR),
    raisedUs: LOADED_US,
    begunUs: undefined,
    costsBefore: costs(0n),
    beginnings: 0,
    lastUpdatedUs: LOADED_US,
    totalNanoUsd: 10n * DOLLAR,
    durationDays: 1,
    ...memory,
  },
});

/** The steps of a post in short: what is created, charged, reset or changed. */
const stepsOf = (post: Post | undefined): unknown =>
  post?.steps.map((step) => {
    if (step.kind === "charge") return ["charge", step.model, step.costNanoUsd];
    if (step.kind === "create") return ["create", step.totalNanoUsd];
    return step.kind === "update" ? ["update", step.change] : [step.kind];
  });

describe("a posted record", () => {
  const rows: [string, LegacyRecord, Seen, unknown][] = [
    ["that is posted as it was loaded needs nothing", loaded(), seen(), undefined],
    [
      "whose costs have grown is charged the increase",
      loaded({ costs: costs(3n * DOLLAR) }),
      seen(),
      [["charge", "m", 2n * DOLLAR]],
    ],
    [
      "whose total alone changed changes the total",
      loaded({ totalNanoUsd: 20n * DOLLAR }),
      seen(),
      [["update", { totalNanoUsd: 20n * DOLLAR }]],
    ],
    [
      "whose total alone changed does not bring back a budget that was deleted",
      loaded({ totalNanoUsd: 20n * DOLLAR }),
      seen({ budget: undefined }),
      undefined,
    ],
    [
      "whose total alone changed after an earlier post does not bring back a budget that was deleted",
      loaded({ totalNanoUsd: 20n * DOLLAR }),
      seen({ budget: undefined, row: rowOf({}) }),
      undefined,
    ],
    [
      "with new costs brings back a budget that was deleted, with its total and these costs alone",
      loaded({ totalNanoUsd: 20n * DOLLAR, costs: costs(3n * DOLLAR) }),
      seen({ budget: undefined }),
      [
        ["create", 20n * DOLLAR],
        ["charge", "m", 2n * DOLLAR],
      ],
    ],
    [
      "that its client made creates the budget, even without costs",
      made(),
      seen({ budget: undefined }),
      [["create", 10n * DOLLAR]],
    ],
    [
      "that its client made for a budget that exists keeps the budget's period, and sets the total",
      made({ totalNanoUsd: 20n * DOLLAR }),
      seen(),
      [["update", { totalNanoUsd: 20n * DOLLAR }]],
    ],
    ["that its client made with the total of the budget has no steps", made(), seen(), []],
    [
      "that was reset resets the budget before its new costs are charged",
      loaded({ costs: costs(0n), isZeroed: true }),
      seen(),
      [["reset"]],
    ],
    [
      "that was reset for a budget that was deleted needs nothing",
      loaded({ costs: costs(0n), isZeroed: true }),
      seen({ budget: undefined }),
      undefined,
    ],
    [
      "of the next duration resets the budget, and is charged its whole costs",
      loaded({ lastUpdatedUs: NOW_US, costs: costs(DOLLAR / 2n) }),
      seen(),
      [["reset"], ["charge", "m", DOLLAR / 2n]],
    ],
    [
      "of the next duration does not reset a budget that has begun a period since",
      loaded({ lastUpdatedUs: NOW_US, costs: costs(DOLLAR / 2n) }),
      seen({ budget: { ...stored, periodId: LOADED_US + 1n } }),
      [["charge", "m", DOLLAR / 2n]],
    ],
    [
      "of the next duration resets a budget that is in its first period, though it was created later than the record",
      loaded({ lastUpdatedUs: NOW_US, costs: costs(DOLLAR / 2n) }),
      seen({ budget: { ...stored, periodId: LOADED_US + 1n, createdAtUs: LOADED_US + 1n } }),
      [["reset"], ["charge", "m", DOLLAR / 2n]],
    ],
    [
      "of the next duration for a budget that was deleted creates it without a reset",
      loaded({ lastUpdatedUs: NOW_US, costs: costs(DOLLAR / 2n) }),
      seen({ budget: undefined }),
      [
        ["create", 10n * DOLLAR],
        ["charge", "m", DOLLAR / 2n],
      ],
    ],
    [
      "that is older than its memory needs nothing",
      loaded({ totalNanoUsd: 20n * DOLLAR }),
      seen({ row: rowOf({ lastUpdatedUs: NOW_US }) }),
      undefined,
    ],
  ];
  for (const [what, record, state, steps] of rows) {
    it(what, () => assert.deepEqual(stepsOf(postOf(POSTED, record, state)), steps));
  }

  it("carries the memory that it was decided on, and the one after it", () => {
    const row = rowOf({});
    const post = postOf(POSTED, loaded({ costs: costs(3n * DOLLAR) }), seen({ row }));
    assert.equal(post?.before, row);
    assert.equal(post.windowStartUs, stored.periodStartUs);
    assert.deepEqual(post.after, {
      ...row,
      seenUs: NOW_US,
      memory: { ...row.memory, costs: costs(3n * DOLLAR), raisedUs: NOW_US },
    });
    assert.equal(postOf(POSTED, made(), seen({ budget: undefined }))?.after.isHandedOut, false);
  });

  it("is decided on the current period of its budget, and not on the stored one", () => {
    const ended = { ...stored, periodStartUs: NOW_US - 3n * DAY_US, periodEndUs: NOW_US - 2n * DAY_US };
    const post = postOf(POSTED, loaded({ costs: costs(3n * DOLLAR) }), seen({ budget: ended }));
    assert.equal(post?.windowStartUs, NOW_US - (NOW_US % DAY_US));
  });

  it("belongs to the session that it was loaded in, or else to its creation", () => {
    assert.equal(sessionOf(loaded()), "a-session");
    assert.equal(sessionOf(made()), `created:${LOADED_US}`);
    assert.equal(sessionOf(made({ createdUs: undefined })), "created:unknown");
  });
});
