import { type Every, HOUR, windowOf } from "./model-period.ts";
import type { BatchOperation } from "./steps.ts";

export const MAX = 2n ** 63n - 1n;

interface Limit {
  model: string;
  limit: bigint;
  spent: bigint;
  held: bigint;
}

export interface ModelBudget {
  user: string;
  print: string;
  total: bigint;
  spent: bigint;
  held: bigint;
  created: bigint;
  limits: Limit[];
  parent: string | undefined;
  period: { anchor: bigint; every: Every } | undefined;
  start: bigint;
  end: bigint | undefined;
  /** The stored end of the period: that of the period in which the budget was last changed. */
  written: bigint | undefined;
  costs: Record<string, bigint>;
  closed: { start: bigint; end: bigint; spent: bigint; total: bigint; costs: Record<string, bigint> }[];
}

export interface ModelReservation {
  user: string;
  print: string;
  model: string;
  amount: bigint;
  state: string;
  charges: boolean;
  ancestors: string[];
  expires: bigint;
  closed: bigint | undefined;
}

/** The answer to an operation. */
export type Told = { ok: string; spent?: bigint; held?: bigint; total?: bigint; state?: string } | string;

interface ModelEntry {
  /** Undefined if the service generated the operation, and with it the id. */
  id: string | undefined;
  user: string;
  print: string;
  model: string | undefined;
  cost: bigint;
  reservation: string | undefined;
  ancestors: string[];
  at: bigint;
  told: { spent: bigint; held: bigint; total: bigint };
  /** For a correction: the charge that it takes back. */
  corrects?: string | undefined;
}

const named = (limit: { model: string }, model: string): boolean =>
  limit.model.endsWith("*") ? model.startsWith(limit.model.slice(0, -1)) : limit.model === model;

/** The state of a project, in the simplest form. */
export class Model {
  now = 0n;
  /** The number of holds that have expired but are not ended yet. */
  unnoticed = 0;
  readonly budgets = new Map<string, ModelBudget>();
  readonly reservations = new Map<string, ModelReservation>();
  readonly entries: ModelEntry[] = [];
  readonly beganMs: number;

  constructor(beganMs: number) {
    this.beganMs = beganMs;
  }

  /** One step of time: expired holds end at the moment of their expiry, and every budget enters its current period. */
  tick(hours = 0): void {
    this.now += 1n + BigInt(hours) * HOUR;
    const due = [...this.reservations].filter(
      ([, each]) => each.state === "HELD" && each.expires <= this.now,
    );
    for (const [id, each] of due.toSorted(([, a], [, b]) => (a.expires < b.expires ? -1 : 1))) {
      for (const budget of this.path(each.user)) this.roll(budget, each.expires);
      this.close(each, "EXPIRED", each.expires);
      this.unnoticed++;
      if (each.charges) this.record(undefined, each, each.amount, id, each.expires);
    }
    for (const budget of this.budgets.values()) this.roll(budget, this.now);
  }

  /**
   * One step of time at which the next caller ends the expired holds.
   * @returns Their number.
   */
  notice(): number {
    this.tick();
    const ended = this.unnoticed;
    this.unnoticed = 0;
    return ended;
  }

  path(user: string | undefined): ModelBudget[] {
    const budget = user === undefined ? undefined : this.budgets.get(user);
    return budget === undefined ? [] : [budget, ...this.path(budget.parent)];
  }

  roll(budget: ModelBudget, at: bigint): void {
    if (budget.period === undefined || budget.end === undefined || at < budget.end) return;
    if (budget.spent !== 0n) this.open(budget, budget.end);
    // A window in which nothing was spent leaves no record.
    budget.costs = {};
    Object.assign(budget, windowOf(budget.period, at, this.beganMs));
  }

  /** Closes the period of a budget, and opens the next. */
  open(budget: ModelBudget, at: bigint): void {
    const { start, spent, total, costs } = budget;
    budget.closed.unshift({ start, end: at, spent, total, costs });
    for (const each of [budget, ...budget.limits]) each.spent = 0n;
    Object.assign(budget, { start: at, costs: {} });
  }

  close(reservation: ModelReservation, state: string, at = this.now): void {
    Object.assign(reservation, { state, closed: at });
    this.add(reservation, "held", -reservation.amount);
  }

  add(
    { user, model }: { user: string; model: string },
    what: "spent" | "held",
    amount: bigint,
    levels = this.path(user),
  ): void {
    for (const budget of levels) {
      budget[what] += amount;
      budget.written = budget.end;
      for (const limit of budget.limits) if (named(limit, model)) limit[what] += amount;
      if (what === "spent") budget.costs[model] = (budget.costs[model] ?? 0n) + amount;
    }
  }

  record(
    id: string | undefined,
    of: { user: string; model: string | undefined; print: string },
    cost: bigint,
    reservation: string | undefined,
    at: bigint,
    refund: { levels?: ModelBudget[]; corrects?: string } = {},
  ): Told {
    const { user, model } = of;
    const { levels = this.path(user), corrects } = refund;
    if (model !== undefined) this.add({ user, model }, "spent", cost, levels);
    const [{ spent, held, total }, ...above] = levels as [ModelBudget, ...ModelBudget[]];
    const ancestors = above.map((budget) => budget.user);
    const told = { spent, held, total };
    this.entries.unshift({
      id,
      user,
      print: of.print,
      model,
      cost,
      reservation,
      ancestors,
      at,
      told,
      corrects,
    });
    return { ok: "done", ...told };
  }

  apply(operation: BatchOperation): Told {
    this.notice();
    const path = this.path(operation.user);
    const [own] = path;
    if (own === undefined) return "BUDGET_NOT_FOUND";
    if (operation.kind === "release" || operation.kind === "extend") return this.change(operation);
    const { requestId: id, fingerprint: print, user, kind } = operation;
    const entry = this.entries.find((each) => each.id === id);
    const opened = this.reservations.get(id);
    const first = kind === "reserve" ? opened : entry;
    if (first === undefined ? (entry ?? opened) !== undefined : first.print !== print)
      return "REQUEST_ID_REUSED";
    if (kind === "reserve" && opened !== undefined) return this.told("replayed", user, opened.state);
    if (entry !== undefined) return { ok: "replayed", ...entry.told };
    if (kind === "reset") return this.reset(operation, own);
    if (kind === "refund") return this.refund(operation, own);
    return kind === "reserve" ? this.reserve(operation, path) : this.charge(operation, path);
  }

  reset({ requestId, user, fingerprint: print }: BatchOperation & { kind: "reset" }, own: ModelBudget): Told {
    this.open(own, this.now);
    own.written = own.end;
    return this.record(requestId, { user, model: undefined, print }, 0n, undefined, this.now);
  }

  refund(operation: BatchOperation & { kind: "refund" }, own: ModelBudget): Told {
    const { requestId, user, fingerprint: print, chargeId, amountNanoUsd } = operation;
    const charge = this.entries.find((each) => each.id === chargeId);
    const isCharge = charge?.model !== undefined && charge.corrects === undefined;
    if (!isCharge || charge.user !== user || own.created > charge.at) return "CHARGE_NOT_FOUND";
    const refunds = this.entries.filter((each) => each.corrects === chargeId);
    const left = refunds.reduce((sum, each) => sum + each.cost, charge.cost);
    const amount = amountNanoUsd ?? left;
    if (left === 0n || amount > left) return "REFUND_EXCEEDS_CHARGE";
    const levels = [user, ...charge.ancestors]
      .map((each) => this.budgets.get(each))
      .filter((each) => each !== undefined && each.created <= charge.at) as ModelBudget[];
    const full = levels.find(({ total, spent }) => total - spent + amount > MAX);
    if (full !== undefined) return `AMOUNT_OVERFLOW ${full.user}`;
    const { model, reservation } = charge;
    return this.record(requestId, { user, model, print }, -amount, reservation, this.now, {
      levels,
      corrects: chargeId,
    });
  }

  told(ok: string, user: string, state?: string): Told {
    const { spent, held, total } = this.budgets.get(user) as ModelBudget;
    return { ok, spent, held, total, ...(state === undefined ? {} : { state }) };
  }

  charge(operation: BatchOperation & { kind: "charge" }, path: ModelBudget[]): Told {
    const { requestId, user, model, costNanoUsd, reservationId, fingerprint: print } = operation;
    const reservation = this.reservations.get(reservationId ?? "");
    if (reservationId !== undefined && reservation?.user !== user) return "RESERVATION_NOT_FOUND";
    const open = reservation?.state === "HELD" ? reservation : undefined;
    const freed = open?.amount ?? 0n;
    const full = path.find(({ spent, held }) => spent + held - freed + costNanoUsd > MAX);
    if (full !== undefined) return `AMOUNT_OVERFLOW ${full.user}`;
    if (open !== undefined) this.close(open, "SETTLED");
    return this.record(requestId, { user, model, print }, costNanoUsd, reservationId, this.now);
  }

  reserve(operation: BatchOperation & { kind: "reserve" }, path: ModelBudget[]): Told {
    const { requestId, user, model, amountNanoUsd: amount, fingerprint: print } = operation;
    for (const { user: at, total, spent, held, limits } of path) {
      if (spent + held + amount > total) return `BUDGET_EXCEEDED ${at}`;
      const limit = limits.find((each) => named(each, model) && each.spent + each.held + amount > each.limit);
      if (limit !== undefined) return `MODEL_LIMIT_EXCEEDED ${at}`;
    }
    this.add({ user, model }, "held", amount);
    const ancestors = path.slice(1).map((each) => each.user);
    const expires = this.now + (operation.ttlUs / 3_600_000_000n) * HOUR;
    const charges = operation.onExpiry === "CHARGE";
    const closed = undefined;
    this.reservations.set(requestId, {
      user,
      print,
      model,
      amount,
      state: "HELD",
      charges,
      ancestors,
      expires,
      closed,
    });
    return this.told("done", user, "HELD");
  }

  change(operation: BatchOperation & { kind: "release" | "extend" }): Told {
    const reservation = this.reservations.get(operation.reservationId);
    if (reservation === undefined) return "RESERVATION_NOT_FOUND";
    if (operation.kind === "release" && reservation.state === "HELD") this.close(reservation, "RELEASED");
    else if (operation.kind === "extend" && reservation.state === "HELD") {
      reservation.expires = this.now + (operation.ttlUs / 3_600_000_000n) * HOUR;
    } else if (operation.kind === "extend" || reservation.state !== "RELEASED") return "RESERVATION_CLOSED";
    return this.told("done", operation.user, reservation.state);
  }
}
