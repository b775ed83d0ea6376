import { appliesTo, type Budget, budgetKey, type ModelLimit } from "../../domain/budget.ts";
import { Failure, invalidField } from "../../domain/errors.ts";
import type { NanoUsd } from "../../domain/money.ts";
import type { Connection } from "../../store/connection.ts";
import { readModelCosts } from "../../store/ledger.ts";
import { lockBudgets } from "../../store/locks.ts";
import type { BudgetName } from "../../store/names.ts";
import { openReservations } from "../../store/reservations.ts";
import { lockTree, readAncestors, readHeight } from "../../store/tree.ts";

/** What keeps the tree of budgets a tree, and what changing it must respect. */

/** A budget and its ancestors, at most. */
export const TREE_LEVELS_MAX = 8;

/**
 * Checks that `parent` may be the parent of a budget that is there or is to be created, and keeps it so until the
 * transaction ends. Locks both.
 *
 * @throws PARENT_NOT_FOUND, PARENT_CYCLE, INVALID_FIELD parent
 */
export async function checkParent(
  connection: Connection,
  name: BudgetName,
  parent: string,
): Promise<Awaited<ReturnType<typeof lockBudgets>>> {
  const { project, user } = name;
  await lockTree(connection, project);
  const parentName = { project, user: parent };
  const above = [parent, ...(await readAncestors(connection, parentName))];
  if (above.includes(user)) throw new Failure({ reason: "PARENT_CYCLE", project, user, parent });
  // Both at once, in the order of their keys, as batches lock them.
  const locked = await lockBudgets(connection, [name, parentName]);
  if (!locked.budgets.has(budgetKey(project, parent))) {
    throw new Failure({ reason: "PARENT_NOT_FOUND", project, parent });
  }
  const levels = above.length + 1 + (await readHeight(connection, name));
  if (levels > TREE_LEVELS_MAX) {
    throw invalidField(
      "parent",
      `would make a tree of ${levels} levels; at most ${TREE_LEVELS_MAX} are allowed`,
    );
  }
  return locked;
}

/** @throws BUDGET_IN_USE while a reservation of the budget, or of one below it, is open */
export async function refuseWhileOpen(connection: Connection, name: BudgetName): Promise<void> {
  const open = await openReservations(connection, name);
  if (open.length > 0) throw new Failure({ reason: "BUDGET_IN_USE", project: name.project, user: name.user });
}

/** New limits with what their models have spent of the current period, and hold, already. */
export async function countedLimits(
  connection: Connection,
  budget: Budget,
  inputs: readonly Pick<ModelLimit, "model" | "limitNanoUsd">[],
): Promise<ModelLimit[]> {
  if (inputs.length === 0) return [];
  const costs = await readModelCosts(connection, budget, [budget.periodId]);
  const spent = [...(costs.get(budget.periodId) ?? [])].map(([model, amount]) => ({ model, amount }));
  const open = await openReservations(connection, budget);
  const held = open.map(({ model, heldNanoUsd }) => ({ model, amount: heldNanoUsd }));
  return inputs.map((input) => ({
    ...input,
    spentNanoUsd: sumFor(input, spent),
    heldNanoUsd: sumFor(input, held),
  }));
}

const sumFor = (
  limit: Pick<ModelLimit, "model">,
  amounts: readonly { model: string; amount: NanoUsd }[],
): NanoUsd => amounts.reduce((sum, { model, amount }) => (appliesTo(limit, model) ? sum + amount : sum), 0n);
