import { MAX, Model, type ModelBudget, type Told } from "./model.ts";
import { type Every, windowOf } from "./model-period.ts";
import type { PostStep } from "./steps.ts";

export type LimitGiven = { model: string; limitNanoUsd: bigint };

export interface Definition {
  user: string;
  total: bigint;
  period: Every | undefined;
  parent: string | undefined;
  limits: LimitGiven[];
}

export type Change = Partial<Omit<Definition, "user">>;

/** The tree of budgets in the model: creating, changing and deleting them. */
export class TreeModel extends Model {
  create(definition: Definition, print: string): Told {
    this.notice();
    const { user, total, period, parent } = definition;
    const there = this.budgets.get(user);
    if (there !== undefined) return there.print === print ? this.told("replayed", user) : "BUDGET_EXISTS";
    const refused = this.checkParent(user, parent);
    if (refused !== undefined) return refused;
    const budget: ModelBudget = {
      user,
      print,
      total,
      parent,
      spent: 0n,
      held: 0n,
      created: this.now,
      period: undefined,
      end: undefined,
      written: undefined,
      start: this.now,
      costs: {},
      closed: [],
      limits: this.counted(user, {}, definition.limits),
    };
    this.budgets.set(user, budget);
    this.repeat(budget, period);
    return this.told("done", user);
  }

  update(user: string, change: Change): Told {
    this.notice();
    const budget = this.budgets.get(user);
    if (budget === undefined) return "BUDGET_NOT_FOUND";
    const refused = this.checkParent(user, change.parent);
    if (refused !== undefined) return refused;
    const moves = "parent" in change && change.parent !== budget.parent;
    if (moves && this.openOf(user).length > 0) return "BUDGET_IN_USE";
    const total = change.total ?? budget.total;
    if (total - budget.spent > MAX) return `AMOUNT_OVERFLOW ${user}`;
    budget.total = total;
    if ("parent" in change) budget.parent = change.parent;
    if (change.limits !== undefined) budget.limits = this.counted(user, budget.costs, change.limits);
    if ("period" in change) this.repeat(budget, change.period);
    budget.written = budget.end;
    return this.told("done", user);
  }

  delete(user: string): Told {
    this.notice();
    if (!this.budgets.has(user)) return "BUDGET_NOT_FOUND";
    const hasChildren = [...this.budgets.values()].some((each) => each.parent === user);
    if (hasChildren || this.openOf(user).length > 0) return "BUDGET_IN_USE";
    const told = this.told("done", user);
    this.budgets.delete(user);
    return told;
  }

  readonly posts = new Map<string, number>();

  /** Applies all steps of a post, or none of them. */
  post({ user, creates, resets, costs, total, isStale }: PostStep): Told {
    this.notice();
    const isMissing = !this.budgets.has(user);
    if (isMissing && (isStale || creates === undefined)) return "BUDGET_NOT_FOUND";
    if (isStale) return "stale";
    const count = (this.posts.get(user) ?? 0) + 1;
    const saved = structuredClone([...this.budgets]);
    const entries = [...this.entries];
    const print = "post";
    const once = (part: string) => ({
      project: "",
      user,
      requestId: `post ${user} ${count} ${part}`,
      fingerprint: print,
    });
    const told: Told[] = isMissing ? [] : [this.told("done", user)];
    if (isMissing) {
      const definition = { user, total: creates as bigint, period: undefined, parent: undefined, limits: [] };
      told.push(this.create(definition, print));
    }
    if (resets) told.push(this.apply({ kind: "reset", ...once("reset"), actor: "test" }));
    for (const [index, { model, cost: costNanoUsd }] of costs.entries()) {
      const given = {
        source: "LEGACY" as const,
        model,
        costNanoUsd,
        detail: undefined,
        reservationId: undefined,
      };
      told.push(this.apply({ kind: "charge", ...once(`charge ${index}`), ...given }));
    }
    if (total !== undefined) told.push(this.update(user, { total }));
    const refused = told.find((each) => typeof each === "string");
    if (refused !== undefined) {
      this.budgets.clear();
      for (const [name, budget] of saved) this.budgets.set(name, budget);
      this.entries.splice(0, this.entries.length, ...entries);
      return refused;
    }
    this.posts.set(user, count);
    return told.at(-1) as Told;
  }

  /** Records the periods that have ended. Returns the number of their budgets and the number of ended holds. */
  sweep(user: string | undefined): Told {
    const ended = this.notice();
    const due = [...this.budgets.values()].filter(
      ({ user: name, written }) => (user ?? name) === name && written !== undefined && written <= this.now,
    );
    for (const budget of due) budget.written = budget.end;
    return `${due.length} reset, ${ended} ended`;
  }

  /** Anchored now: the current window ends a full length from now, and keeps its start. */
  repeat(budget: ModelBudget, every: Every | undefined): void {
    budget.period = every && { anchor: this.now, every };
    budget.end = budget.period && windowOf(budget.period, this.now, this.beganMs).end;
    budget.written = budget.end;
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
