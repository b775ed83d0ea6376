import type { Costs, Memory } from "../domain/legacy-memory.ts";
import type { NanoUsd } from "../domain/money.ts";
import type { InstantUs } from "../domain/period.ts";
import { growth, isAtLeast, NO_COSTS, sumOf } from "./costs.ts";
import type { LegacyRecord } from "./record.ts";

/** The effect of a posted record on its budget. */
export interface Merge {
  /** The new memory; the given object if nothing changes. */
  memory: Memory;
  /** The record is older than the memory and must be ignored. */
  isLate: boolean;
  /** Whether to reset the budget, before the charges. */
  resets: boolean;
  /** The costs to charge, by model. */
  charges: Costs;
}

/**
 * The longest that a post may take to arrive. The client sends each post from a thread of its own, so posts can
 * overtake each other. A cost below an earlier cost is a late post within this time, and a restart of the record after
 * it.
 */
export const LATE_US = 60_000_000n;

/** The initial memory of a record. */
export const firstMemory = ({ origin, lastUpdatedUs }: LegacyRecord, nowUs: InstantUs): Memory => ({
  costs: origin?.costs ?? NO_COSTS,
  raisedUs: origin?.issuedUs ?? nowUs,
  begunUs: undefined,
  costsBefore: NO_COSTS,
  beginnings: 0,
  lastUpdatedUs: origin?.lastUpdatedUs ?? lastUpdatedUs,
  totalNanoUsd: origin?.totalNanoUsd,
  durationDays: origin?.durationDays,
});

/**
 * Merges a record into its memory. Pure. The costs of a record only grow until the client resets the record. So an
 * increase over the highest known costs is new, and a decrease is either a late post or a restart.
 *
 * @param renewedUs When the budget's current period began. Undefined in its first period.
 */
export function mergeRecord(
  memory: Memory,
  record: LegacyRecord,
  nowUs: InstantUs,
  renewedUs: InstantUs | undefined,
): Merge {
  const turn = turnOf(memory, record, nowUs);
  switch (turn) {
    case "late":
      return { memory, isLate: true, resets: false, charges: NO_COSTS };
    case "none": {
      const charges = growth(record.costs, memory.costs);
      const raised = { ...memory, costs: highest(memory.costs, record.costs), raisedUs: nowUs };
      return { memory: charges.size > 0 ? raised : memory, isLate: false, resets: false, charges };
    }
    case "restart":
      // Only a zeroed record proves a reset. If the costs are merely lower, they are charged without a reset.
      return begin(memory, record, nowUs, { resets: record.isZeroed, costsBefore: memory.costs });
    case "duration": {
      // Purser's own period, or another process of the client, may have reset the budget already.
      const isDone = renewedUs !== undefined && renewedUs > (memory.lastUpdatedUs ?? 0n);
      return begin(memory, record, nowUs, { resets: !isDone, costsBefore: NO_COSTS });
    }
    default: {
      const unreachable: never = turn;
      return unreachable;
    }
  }
}

type Turn = "none" | "late" | "restart" | "duration";

function turnOf(memory: Memory, record: LegacyRecord, nowUs: InstantUs): Turn {
  const clock = memory.lastUpdatedUs ?? record.lastUpdatedUs ?? 0n;
  const recordClock = record.lastUpdatedUs ?? clock;
  if (recordClock !== clock) return recordClock < clock ? "late" : "duration";
  if (isAtLeast(record.costs, memory.costs)) {
    return isFromBefore(memory, record, nowUs) ? "late" : "none";
  }
  // A new record has no `model_cost`. So before the first restart, a late post cannot look like a zeroed record.
  if (record.isZeroed && memory.begunUs === undefined) return "restart";
  return nowUs - memory.raisedUs > LATE_US ? "restart" : "late";
}

/**
 * Whether a post was sent before the last restart: it arrives within LATE_US of the restart, and its sum is nearer to
 * the costs before the restart than to the costs since.
 */
function isFromBefore(memory: Memory, { costs, origin }: LegacyRecord, nowUs: InstantUs): boolean {
  if (memory.begunUs === undefined || nowUs - memory.begunUs > LATE_US) return false;
  if (!isAtLeast(memory.costsBefore, costs)) return false;
  // Before its first restart, a record never had less than its handed-out costs.
  if (memory.beginnings === 1 && origin !== undefined && !isAtLeast(costs, origin.costs)) return false;
  const sum = sumOf(costs);
  return sum > 0n && sumOf(memory.costsBefore) - sum <= sum - sumOf(memory.costs);
}

const begin = (
  memory: Memory,
  { costs, lastUpdatedUs }: LegacyRecord,
  nowUs: InstantUs,
  { resets, costsBefore }: { resets: boolean; costsBefore: Costs },
): Merge => ({
  memory: {
    ...memory,
    costs,
    costsBefore,
    raisedUs: nowUs,
    begunUs: nowUs,
    beginnings: memory.beginnings + 1,
    lastUpdatedUs: lastUpdatedUs ?? memory.lastUpdatedUs,
  },
  isLate: false,
  resets,
  charges: growth(costs, NO_COSTS),
});

const highest = (a: Costs, b: Costs): Costs => new Map([...a, ...growthOver(a, b)]);

/** The costs of `b` that are higher than in `a`. Each is the full cost, not the difference. */
const growthOver = (a: Costs, b: Costs): [string, NanoUsd][] =>
  [...b].filter(([model, cost]) => cost > (a.get(model) ?? 0n));
