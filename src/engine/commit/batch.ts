import { type Budget, budgetKey, type ClosedPeriod } from "../../domain/budget.ts";
import { type Entry, type ModelCost, requestKey } from "../../domain/entry.ts";
import type { InstantUs } from "../../domain/period.ts";
import type { Reservation } from "../../domain/reservation.ts";
import type { Changes } from "../../store/changes.ts";
import type { ReservationChange } from "../../store/reservations.ts";
import { decide } from "./decide.ts";
import type { Operation, Verdict } from "./operation.ts";

/** The locked state that a batch is decided on. */
export interface Ground {
  /** By `budgetKey`. */
  budgets: ReadonlyMap<string, Budget>;
  /** Ledger entries whose request ids the batch carries, by `requestKey`. */
  entries: ReadonlyMap<string, Entry>;
  /** Reservations that the batch names, or whose ids its requests carry, by `reservationKey`. */
  reservations: ReadonlyMap<string, Reservation>;
  /** The database's clock. */
  nowUs: InstantUs;
}

/** Decides operations in order, each on what the ones before it left. Pure. One verdict for each, in order. */
export function decideBatch(
  operations: readonly Operation[],
  ground: Ground,
): { verdicts: Verdict[]; changes: Changes } {
  const budgets = new Map(ground.budgets);
  const entries = new Map(ground.entries);
  const reservations = new Map(ground.reservations);
  const reservationChanges: ReservationChange[] = [];
  const changed = new Set<string>();
  const written: Entry[] = [];
  const closed: ClosedPeriod[] = [];
  const modelCosts = new Map<string, ModelCost>();

  const verdicts = operations.map((operation) => {
    const path = pathOf(budgets, operation);
    const { requestId, reservationId } = idsOf(operation);
    const idOf = (id: string | undefined): string => requestKey(operation.project, id ?? "");
    const decision = decide(
      {
        path,
        entry: entries.get(idOf(requestId)),
        opened: reservations.get(idOf(requestId)),
        reservation: reservations.get(idOf(reservationId)),
      },
      operation,
      ground.nowUs,
    );
    decision.path.forEach((budget, level) => {
      if (budget === path[level]) return;
      const key = budgetKey(budget.project, budget.user);
      budgets.set(key, budget);
      changed.add(key);
    });
    if (decision.entry !== undefined) {
      entries.set(idOf(requestId), decision.entry);
      written.push(decision.entry);
      addModelCosts(modelCosts, decision.path, decision.entry);
    }
    if (decision.reservation !== undefined) {
      reservations.set(
        idOf(decision.reservation.reservation.reservationId),
        decision.reservation.reservation,
      );
      reservationChanges.push(decision.reservation);
    }
    closed.push(...decision.closed);
    return decision.verdict;
  });

  const changes: Changes = {
    budgets: [...changed].map((key) => budgets.get(key) as Budget),
    entries: written,
    modelCosts: [...modelCosts.values()],
    closed,
    reservations: reservationChanges,
  };
  return { verdicts, changes };
}

/** Thrown when a budget has a parent that is not among the locked ones: the locks must be taken anew, in order. */
export class UnlockedParent extends Error {
  readonly project: string;
  readonly user: string;

  constructor(project: string, user: string) {
    super("the parent of a locked budget is not locked");
    this.project = project;
    this.user = user;
  }
}

/** The budget and its ancestors, nearest first. Empty when there is no such budget. @throws UnlockedParent */
function pathOf(budgets: ReadonlyMap<string, Budget>, { project, user }: Operation): Budget[] {
  const path: Budget[] = [];
  for (let next: string | undefined = user; next !== undefined; next = path.at(-1)?.parent) {
    const budget = budgets.get(budgetKey(project, next));
    if (budget === undefined && path.length > 0) throw new UnlockedParent(project, user);
    if (budget === undefined) return [];
    path.push(budget);
  }
  return path;
}

/** The ids by which an operation is known, and by which it names a reservation. */
export const idsOf = (operation: Operation): { requestId?: string; reservationId?: string | undefined } =>
  operation;

function addModelCosts(sums: Map<string, ModelCost>, path: readonly Budget[], entry: Entry): void {
  if (entry.model === undefined) return;
  for (const { project, user, periodId } of path) {
    const key = `${budgetKey(project, user)}\0${periodId}\0${entry.model}`;
    const before = sums.get(key)?.costNanoUsd ?? 0n;
    sums.set(key, { project, user, periodId, model: entry.model, costNanoUsd: before + entry.costNanoUsd });
  }
}
