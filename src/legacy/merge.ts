import type { Costs, Memory } from "../domain/legacy-memory.ts";
import type { NanoUsd } from "../domain/money.ts";
import type { InstantUs } from "../domain/period.ts";
import { growth, isAtLeast, NO_COSTS, sumOf } from "./costs.ts";
import type { LegacyRecord } from "./record.ts";

/** What a posted record means for its budget. */
export interface Merge {
  /** As given, where nothing has to be remembered. */
  memory: Memory;
  /** Older than what is remembered: nothing is to be taken from it. */
  isLate: boolean;
  /** Comes before the charges. */
  resets: boolean;
  /** What to charge. */
  charges: Costs;
}

/**
 * How long a post may be under way. Each comes from a thread of its own and may overtake others; but what it says has been
 * so when it was sent, so a cost below an earlier one is an old post for this long, and a new beginning after it.
 */
export const LATE_US = 60_000_000n;

/** The memory of a record that is seen for the first time. */
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
 * Merges a record: pure. Costs of a record only grow until the client puts it to zero, so what it has more than the most
 * that was seen is new, and what has less is either late or a new beginning.
 *
 * @param renewedUs When the budget last began a period, other than by its creation; undefined when it never did.
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
    case "anew":
      // Only a record that is at zero says so itself; of one that merely has less, its costs are counted and no more.
      return begin(memory, record, nowUs, { resets: record.isZeroed, costsBefore: memory.costs });
    case "duration": {
      // Purser's own period, or another process of the client, may have done already what this one asks for.
      const isDone = renewedUs !== undefined && renewedUs > (memory.lastUpdatedUs ?? 0n);
      return begin(memory, record, nowUs, { resets: !isDone, costsBefore: NO_COSTS });
    }
    default: {
      const unreachable: never = turn;
      return unreachable;
    }
  }
}

type Turn = "none" | "late" | "anew" | "duration";

function turnOf(memory: Memory, record: LegacyRecord, nowUs: InstantUs): Turn {
  const clock = memory.lastUpdatedUs ?? record.lastUpdatedUs ?? 0n;
  const recordClock = record.lastUpdatedUs ?? clock;
  if (recordClock !== clock) return recordClock < clock ? "late" : "duration";
  if (isAtLeast(record.costs, memory.costs)) {
    return isFromBefore(memory, record, nowUs) ? "late" : "none";
  }
  // A record starts without `model_cost`: until it was put to zero once, no late post can look like that.
  if (record.isZeroed && memory.begunUs === undefined) return "anew";
  return nowUs - memory.raisedUs > LATE_US ? "anew" : "late";
}

/** Soon after a new beginning, a cost that is nearer to the last one before it than to the last one since. */
function isFromBefore(memory: Memory, { costs, origin }: LegacyRecord, nowUs: InstantUs): boolean {
  if (memory.begunUs === undefined || nowUs - memory.begunUs > LATE_US) return false;
  if (!isAtLeast(memory.costsBefore, costs)) return false;
  // Before the first one, a record never had less than it was handed out with.
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

/** The costs of `b` that are above those of `a`, whole. */
const growthOver = (a: Costs, b: Costs): [string, NanoUsd][] =>
  [...b].filter(([model, cost]) => cost > (a.get(model) ?? 0n));
