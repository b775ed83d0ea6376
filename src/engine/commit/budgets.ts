import { atInstant, type Budget, budgetKey, type ModelLimit, tick } from "../../domain/budget.ts";
import { Failure, invalidField } from "../../domain/errors.ts";
import type { NanoUsd } from "../../domain/money.ts";
import { type InstantUs, type Period, windowAt } from "../../domain/period.ts";
import {
  deleteBudget,
  insertBudget,
  listBudgets,
  lockBudget,
  readBudget,
  readClock,
  writeBudget,
} from "../../store/budgets.ts";
import type { Connection } from "../../store/connection.ts";
import { lockBudgets } from "../../store/locks.ts";
import type { BudgetName } from "../../store/names.ts";
import { writeParts } from "../../store/parts.ts";
import { newPeriods } from "../../store/periods.ts";
import type { Store } from "../../store/store.ts";
import { hasChildren, lockTree } from "../../store/tree.ts";
import { endedPeriod } from "./decision.ts";
import { checkParent, countedLimits, refuseWhileOpen } from "./tree.ts";

/** A period as a caller gives it: without an anchor, it is anchored at creation. */
export type PeriodInput = Omit<Period, "anchorUs"> & { anchorUs: InstantUs | undefined };

/** What CreateBudget is called with. */
export interface BudgetDefinition extends BudgetName {
  totalNanoUsd: NanoUsd;
  period: PeriodInput | undefined;
  /** The user of another budget of the project. */
  parent: string | undefined;
  modelLimits: readonly LimitInput[];
  /** Hash of the call: the same one again gives the same budget. */
  fingerprint: string;
}

/** What UpdateBudget changes. A key that is absent stays as it is. */
export interface BudgetChange {
  totalNanoUsd?: NanoUsd;
  /** `undefined` as a value takes the period away. */
  period?: PeriodInput | undefined;
  /** `undefined` as a value makes it a root. */
  parent?: string | undefined;
  modelLimits?: readonly LimitInput[];
}

/** A limit as a caller gives it. */
export type LimitInput = Pick<ModelLimit, "model" | "limitNanoUsd">;

const notFound = ({ project, user }: BudgetName): Failure =>
  new Failure({ reason: "BUDGET_NOT_FOUND", project, user });

/** The budget as it is now. @throws BUDGET_NOT_FOUND */
export async function getBudget(store: Store, name: BudgetName): Promise<Budget> {
  const found = await store.read((connection) => readBudget(connection, name));
  if (found === undefined) throw notFound(name);
  return atInstant(found.budget, found.nowUs);
}

/**
 * Creates a budget, or gives the one that the same call created before.
 *
 * @throws BUDGET_EXISTS, PARENT_NOT_FOUND, and INVALID_FIELD parent where the tree would be too deep.
 */
export async function createBudget(store: Store, definition: BudgetDefinition): Promise<Budget> {
  const { project, user } = definition;
  return store.transaction(async (connection) => {
    // One that is there was checked when it was made: the same call again gives it, whatever has become of the parent.
    const isNew = (await readBudget(connection, definition)) === undefined;
    if (isNew && definition.parent !== undefined) {
      await checkParent(connection, definition, definition.parent);
    }
    const nowUs = await readClock(connection);
    const stored = await insertBudget(connection, newBudget(definition, nowUs));
    if (stored.budget.creationFingerprint !== definition.fingerprint) {
      throw new Failure({ reason: "BUDGET_EXISTS", project, user });
    }
    return atInstant(stored.budget, nowUs);
  });
}

/** A budget as it is when it is created. */
export function newBudget(definition: BudgetDefinition, nowUs: InstantUs): Budget {
  const { project, user, totalNanoUsd, parent, modelLimits, fingerprint } = definition;
  const period = anchored(definition.period, nowUs);
  return {
    project,
    user,
    totalNanoUsd,
    spentNanoUsd: 0n,
    heldNanoUsd: 0n,
    period,
    periodId: nowUs,
    ...currentWindow(period, nowUs, nowUs),
    parent,
    modelLimits: modelLimits.map((limit) => ({ ...limit, spentNanoUsd: 0n, heldNanoUsd: 0n })),
    creationFingerprint: fingerprint,
    createdAtUs: nowUs,
    updatedAtUs: nowUs,
  };
}

/**
 * Changes a budget. What was spent stays, and so does the start of the current period.
 *
 * @throws BUDGET_NOT_FOUND; of a new parent PARENT_NOT_FOUND, PARENT_CYCLE, INVALID_FIELD parent where the tree would be too
 *   deep, and BUDGET_IN_USE while reservations are open.
 */
export const updateBudget = (store: Store, name: BudgetName, change: BudgetChange): Promise<Budget> =>
  store.transaction((connection) => changeBudget(connection, name, change));

/** As `updateBudget`, inside a transaction. */
export async function changeBudget(
  connection: Connection,
  name: BudgetName,
  change: BudgetChange,
): Promise<Budget> {
  // One statement locks all that it locks: a second one could come out of order, and wait in a circle.
  const locked =
    change.parent === undefined
      ? await lockBudgets(connection, [name])
      : await checkParent(connection, name, change.parent);
  const budget = locked.budgets.get(budgetKey(name.project, name.user));
  if (budget === undefined) throw notFound(name);
  if ("parent" in change && change.parent !== budget.parent) await refuseWhileOpen(connection, name);
  const nowUs = tick(budget, locked.nowUs);
  const current = atInstant(budget, nowUs);
  await writeParts(connection, [newPeriods(endedPeriod(budget, current))]);
  const changed = await applyChange(connection, current, change, nowUs);
  await writeBudget(connection, changed);
  return changed;
}

async function applyChange(
  connection: Connection,
  current: Budget,
  change: BudgetChange,
  nowUs: InstantUs,
): Promise<Budget> {
  const changed: Budget = {
    ...current,
    totalNanoUsd: change.totalNanoUsd ?? current.totalNanoUsd,
    parent: "parent" in change ? change.parent : current.parent,
    modelLimits:
      change.modelLimits === undefined
        ? current.modelLimits
        : await countedLimits(connection, current, change.modelLimits),
    updatedAtUs: nowUs,
  };
  if (!("period" in change)) return changed;
  const period = anchored(change.period, nowUs);
  const { periodEndUs } = currentWindow(period, nowUs, current.periodStartUs);
  return { ...changed, period, periodEndUs };
}

/** Deletes a budget and its closed periods; its ledger entries stay. @throws BUDGET_NOT_FOUND, BUDGET_IN_USE */
export async function removeBudget(store: Store, name: BudgetName): Promise<void> {
  await store.transaction(async (connection) => {
    await lockTree(connection, name.project);
    const found = await lockBudget(connection, name);
    if (found === undefined) throw notFound(name);
    if (await hasChildren(connection, name)) throw new Failure({ reason: "BUDGET_IN_USE", ...name });
    await refuseWhileOpen(connection, name);
    await deleteBudget(connection, name);
  });
}

const anchored = (input: PeriodInput | undefined, nowUs: InstantUs): Period | undefined =>
  input && { ...input, anchorUs: input.anchorUs ?? nowUs };

/** The window of `period` that holds `nowUs`; without a period, one that began at `sinceUs` and never ends. */
function currentWindow(
  period: Period | undefined,
  nowUs: InstantUs,
  sinceUs: InstantUs,
): { periodStartUs: InstantUs; periodEndUs: InstantUs | undefined } {
  if (period === undefined) return { periodStartUs: sinceUs, periodEndUs: undefined };
  const window = windowAt(period, nowUs);
  if (window.endUs > TIMESTAMP_US_MAX)
    throw invalidField("period.count", "the window would end after year 9999");
  return { periodStartUs: window.startUs, periodEndUs: window.endUs };
}

/** 9999-12-31T23:59:59.999999Z, the last moment of google.protobuf.Timestamp. */
const TIMESTAMP_US_MAX = 253_402_300_799_999_999n;

/** A page of a project's budgets as they are now, in order of user. */
export async function listUsers(
  store: Store,
  page: { project: string; prefix: string; after: string | undefined; limit: number },
): Promise<{ budgets: Budget[]; more: boolean }> {
  // One more than asked for tells whether there is another page.
  const { budgets, nowUs } = await store.read((connection) =>
    listBudgets(connection, { ...page, limit: page.limit + 1 }),
  );
  return {
    budgets: budgets.slice(0, page.limit).map((budget) => atInstant(budget, nowUs)),
    more: budgets.length > page.limit,
  };
}
