import {
  amountsFit,
  atInstant,
  type Budget,
  type ClosedPeriod,
  closePeriod,
  openPeriod,
  tick,
} from "../domain/budget.ts";
import type { Entry } from "../domain/entry.ts";
import type { BudgetError } from "../domain/errors.ts";
import { addMoney } from "../domain/money.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Charge, Operation, Reset, Verdict } from "./operation.ts";

/** What an operation does to the budgets that were locked for it. A refused one does nothing. */
export interface Decision {
  verdict: Verdict;
  /** The budget and its ancestors after the operation, nearest first; as given, where nothing changed. */
  path: readonly Budget[];
  /** The row to add to the ledger. None where nothing happened. */
  entry: Entry | undefined;
  closed: readonly ClosedPeriod[];
}

/**
 * Decides one operation. Pure: the same locked state, operation and instant always give the same decision.
 *
 * @param path The budget and its ancestors, nearest first; empty when there is no such budget.
 * @param known The ledger's entry with the operation's request id, if there is one.
 * @param nowUs The database's clock.
 */
export function decide(
  path: readonly Budget[],
  operation: Operation,
  known: Entry | undefined,
  nowUs: InstantUs,
): Decision {
  const stored = path[0];
  if (stored === undefined) {
    return refuse(path, {
      reason: "BUDGET_NOT_FOUND",
      project: operation.project,
      user: operation.user,
    });
  }
  if (known !== undefined) return replay(path, stored, operation, known);
  if (operation.kind === "charge" && operation.refusal !== undefined) return refuse(path, operation.refusal);

  // A reset touches its own budget only: ancestors have periods of their own.
  const touched = operation.kind === "reset" ? path.slice(0, 1) : path;
  const instantUs = touched.reduce((latest, budget) => later(latest, tick(budget, nowUs)), nowUs);
  const current = touched.map((budget) => ({ ...atInstant(budget, instantUs), updatedAtUs: instantUs }));
  const closed = touched.flatMap((budget, level) => endedPeriod(budget, current[level]));
  switch (operation.kind) {
    case "charge":
      return charge(path, current, closed, operation);
    case "reset":
      return reset([...current, ...path.slice(1)], closed, operation);
    default: {
      const unreachable: never = operation;
      return unreachable;
    }
  }
}

const later = (a: InstantUs, b: InstantUs): InstantUs => (a > b ? a : b);

/** A window in which nothing was spent leaves no record, so that records do not depend on when a sweep ran. */
export function endedPeriod(stored: Budget, current: Budget | undefined): ClosedPeriod[] {
  const ended = current !== undefined && current.periodId !== stored.periodId;
  if (!ended || stored.spentNanoUsd === 0n || stored.periodEndUs === undefined) return [];
  return [closePeriod(stored, stored.periodEndUs)];
}

function charge(
  path: readonly Budget[],
  current: readonly Budget[],
  closed: readonly ClosedPeriod[],
  operation: Charge,
): Decision {
  const charged: Budget[] = [];
  for (const budget of current) {
    const spentNanoUsd = addMoney(budget.spentNanoUsd, operation.costNanoUsd);
    const after = spentNanoUsd === undefined ? undefined : { ...budget, spentNanoUsd };
    if (after === undefined || !amountsFit(after)) {
      return refuse(path, { reason: "AMOUNT_OVERFLOW", project: budget.project, user: budget.user });
    }
    charged.push(after);
  }
  return accept(charged, closed, operation, {
    kind: "CHARGE",
    source: operation.source,
    model: operation.model,
    costNanoUsd: operation.costNanoUsd,
    detail: operation.detail,
  });
}

function reset(current: readonly Budget[], closed: readonly ClosedPeriod[], operation: Reset): Decision {
  const [own, ...ancestors] = current as [Budget, ...Budget[]];
  const nowUs = own.updatedAtUs;
  const opened = openPeriod(own, { idUs: nowUs, startUs: nowUs, endUs: own.periodEndUs });
  return accept([opened, ...ancestors], [...closed, closePeriod(own, nowUs)], operation, {
    kind: "RESET",
    source: "RESET",
    model: undefined,
    costNanoUsd: 0n,
    detail: undefined,
  });
}

type EntryContent = Pick<Entry, "kind" | "source" | "model" | "costNanoUsd" | "detail">;

function accept(
  path: readonly Budget[],
  closed: readonly ClosedPeriod[],
  operation: Operation,
  content: EntryContent,
): Decision {
  const [budget, ...ancestors] = path as [Budget, ...Budget[]];
  const entry: Entry = {
    ...content,
    project: operation.project,
    requestId: operation.requestId,
    user: operation.user,
    fingerprint: operation.fingerprint,
    ancestors: ancestors.map((ancestor) => ancestor.user),
    periodId: budget.periodId,
    periodStartUs: budget.periodStartUs,
    periodEndUs: budget.periodEndUs,
    spentAfterNanoUsd: budget.spentNanoUsd,
    heldAfterNanoUsd: budget.heldNanoUsd,
    totalAfterNanoUsd: budget.totalNanoUsd,
    createdAtUs: budget.updatedAtUs,
  };
  return { verdict: { ok: true, entry, budget, replayed: false }, path, entry, closed };
}

/** The first answer again: the amounts and the period of then, the settings of now. */
function replay(path: readonly Budget[], stored: Budget, operation: Operation, known: Entry): Decision {
  if (known.fingerprint !== operation.fingerprint) {
    return refuse(path, {
      reason: "REQUEST_ID_REUSED",
      project: operation.project,
      requestId: operation.requestId,
    });
  }
  const budget: Budget = {
    ...stored,
    totalNanoUsd: known.totalAfterNanoUsd,
    spentNanoUsd: known.spentAfterNanoUsd,
    heldNanoUsd: known.heldAfterNanoUsd,
    periodId: known.periodId,
    periodStartUs: known.periodStartUs,
    periodEndUs: known.periodEndUs,
    updatedAtUs: known.createdAtUs,
  };
  return {
    verdict: { ok: true, entry: known, budget, replayed: true },
    path,
    entry: undefined,
    closed: [],
  };
}

const refuse = (path: readonly Budget[], error: BudgetError): Decision => ({
  verdict: { ok: false, error },
  path,
  entry: undefined,
  closed: [],
});
