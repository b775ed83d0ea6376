import { budgetKey } from "../../domain/budget.ts";
import type { BudgetName } from "../../store/names.ts";
import type { Ancestry } from "./ancestry.ts";
import { newParentOf, type Operation } from "./operation.ts";

/** The names of the budgets that operations need. */

/** The `budgetKey` of each name. */
export const keysOf = (names: readonly BudgetName[]): Set<string> =>
  new Set(names.map(({ project, user }) => budgetKey(project, user)));

/** The names that have these keys of `budgetKey`. */
export const namesOf = (keys: Iterable<string>): BudgetName[] =>
  Array.from(keys, (key) => {
    const [project = "", user = ""] = key.split("\0");
    return { project, user };
  });

export const projectsOf = (operations: readonly Operation[]): string[] => [
  ...new Set(operations.map((operation) => operation.project)),
];

/** The budgets that operations need, with their ancestors. Each is listed once. */
export function namesToLock(ancestry: Ancestry, operations: readonly Operation[]): BudgetName[] {
  const names = new Map<string, BudgetName>();
  const seen = new Set<string>();
  const add = (project: string, user: string): void =>
    void names.set(budgetKey(project, user), { project, user });
  const addPath = (project: string, user: string): void => {
    const key = budgetKey(project, user);
    // Not `names.has(key)`: a stale hint may have added this budget as an ancestor, without its own ancestors.
    if (seen.has(key)) return;
    seen.add(key);
    add(project, user);
    for (const ancestor of ancestry.of({ project, user })) add(project, ancestor);
  };
  for (const operation of operations) {
    const { project, user } = operation;
    const parent = newParentOf(operation);
    addPath(project, user);
    if (parent !== undefined) addPath(project, parent);
    if (operation.kind === "refund")
      for (const ancestor of operation.chargedAncestors) add(project, ancestor);
    if (operation.kind === "expire") for (const ancestor of operation.ancestors) add(project, ancestor);
  }
  return [...names.values()];
}
