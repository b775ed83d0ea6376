import { HOUR, Model, type ModelBudget, type Told } from "./model.ts";

/** A period of whole days, which are all alike: windows of months are proved in period.property.test.ts. */
export type Days = number | undefined;
export type LimitGiven = { model: string; limitNanoUsd: bigint };

export interface Definition {
  user: string;
  total: bigint;
  days: Days;
  parent: string | undefined;
  limits: LimitGiven[];
}

export type Change = Partial<Omit<Definition, "user">>;

/** The model's tree of budgets: what makes, changes and deletes them. */
export class TreeModel extends Model {
  create(definition: Definition, print: string): Told {
    this.tick();
    const { user, total, days, parent } = definition;
    const there = this.budgets.get(user);
    if (there !== undefined) return there.print === print ? this.told("done", user) : "BUDGET_EXISTS";
    const refused = this.checkParent(user, parent);
    if (refused !== undefined) return refused;
    const budget: ModelBudget = {
      user,
      print,
      total,
      parent,
      spent: 0n,
      held: 0n,
      period: undefined,
      end: undefined,
      start: this.now,
      costs: {},
      closed: [],
      limits: this.counted(user, {}, definition.limits),
    };
    this.budgets.set(user, budget);
    this.repeat(budget, days);
    return this.told("done", user);
  }

  update(user: string, change: Change): Told {
    this.tick();
    const refused = this.checkParent(user, change.parent);
    if (refused !== undefined) return refused;
    const budget = this.budgets.get(user);
    if (budget === undefined) return "BUDGET_NOT_FOUND";
    const moves = "parent" in change && change.parent !== budget.parent;
    if (moves && this.openOf(user).length > 0) return "BUDGET_IN_USE";
    budget.total = change.total ?? budget.total;
    if ("parent" in change) budget.parent = change.parent;
    if (change.limits !== undefined) budget.limits = this.counted(user, budget.costs, change.limits);
    if ("days" in change) this.repeat(budget, change.days);
    return this.told("done", user);
  }

  delete(user: string): Told {
    this.tick();
    if (!this.budgets.has(user)) return "BUDGET_NOT_FOUND";
    const hasChildren = [...this.budgets.values()].some((each) => each.parent === user);
    if (hasChildren || this.openOf(user).length > 0) return "BUDGET_IN_USE";
    this.budgets.delete(user);
    return { ok: "done" };
  }

  /** Anchored now: the window of now ends a whole length from now, and began when it had begun. */
  repeat(budget: ModelBudget, days: Days): void {
    const length = BigInt(days ?? 0) * 24n * HOUR;
    budget.period = days === undefined ? undefined : { anchor: this.now, length };
    budget.end = days === undefined ? undefined : this.now + length;
  }

  checkParent(user: string, parent: string | undefined): Told | undefined {
    if (parent === undefined) return undefined;
    const above = this.path(parent).map((each) => each.user);
    if (parent === user || above.includes(user)) return "PARENT_CYCLE";
    return above.length === 0 ? "PARENT_NOT_FOUND" : undefined;
  }

  openOf(user: string) {
    return [...this.reservations.values()].filter(
      (each) => each.state === "HELD" && (each.user === user || each.ancestors.includes(user)),
    );
  }

  counted(user: string, costs: Record<string, bigint>, limits: LimitGiven[]): ModelBudget["limits"] {
    return limits.map(({ model, limitNanoUsd: limit }) => {
      const fits = (name: string): boolean =>
        model.endsWith("*") ? name.startsWith(model.slice(0, -1)) : name === model;
      let spent = 0n;
      for (const [name, cost] of Object.entries(costs)) if (fits(name)) spent += cost;
      let held = 0n;
      for (const each of this.openOf(user)) if (fits(each.model)) held += each.amount;
      return { model, limit, spent, held };
    });
  }
}
