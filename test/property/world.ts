import { atInstant } from "../../src/domain/budget.ts";
import type { Operation, Post, Verdict } from "../../src/engine/commit/operation.ts";
import { sweep } from "../../src/engine/upkeep/sweep.ts";
import { readBudget, readClock } from "../../src/store/budgets.ts";
import type { RecordRow } from "../../src/store/legacy-records.ts";
import type { Inside } from "../support/engine.ts";
import { setClock } from "./clock.ts";
import type { Told } from "./model.ts";
import { HOUR } from "./model-period.ts";
import type { TreeModel } from "./model-tree.ts";
import { budgetOperation, isBudgetStep } from "./operations.ts";
import type { PostStep, Step } from "./steps.ts";

const HOUR_US = 3_600_000_000n;

/** The service, seen in the model's terms. */
export class World {
  readonly inside: Inside;
  readonly project: string;
  startUs = 0n;
  aheadSeconds = 0;

  constructor(inside: Inside, project: string) {
    this.inside = inside;
    this.project = project;
  }

  /** @param atMs The clock is set to this time first. */
  async begin(atMs: number): Promise<this> {
    await setClock(this.inside.kysely, 0);
    const nowUs = await this.inside.store.read(readClock);
    this.aheadSeconds = Math.ceil((atMs - Number(nowUs / 1000n)) / 1000);
    await setClock(this.inside.kysely, this.aheadSeconds);
    this.startUs = await this.inside.store.read(readClock);
    return this;
  }

  /** Applies a step to the service, and returns its answer. */
  async step(step: Step): Promise<Told[]> {
    const { store, engine, kysely } = this.inside;
    const { project } = this;
    switch (step.kind) {
      case "create":
      case "update":
      case "delete":
        return [toldOf(await engine.submit(budgetOperation(project, step)))];
      case "post":
        return [await this.post(step.post)];
      case "sweep": {
        const ended = await engine.endExpired({ project });
        const reset = await sweep({ store, engine }, { project, user: step.user }, 2);
        return [`${reset} reset, ${ended} ended`];
      }
      case "pass":
        this.aheadSeconds += step.hours * 3600;
        await setClock(kysely, this.aheadSeconds);
        return [];
      case "batch": {
        const operations = step.operations.map((each) =>
          isBudgetStep(each) ? budgetOperation(project, each) : ({ ...each, project } as Operation),
        );
        // Operations of one task share a transaction, except those that need one of their own.
        const verdicts = await Promise.all(operations.map((each) => engine.submit(each)));
        return verdicts.map(toldOf);
      }
      default: {
        const unreachable: never = step;
        return unreachable;
      }
    }
  }

  /** The remembered posts of each user. */
  readonly remembered = new Map<string, RecordRow>();

  async post(step: PostStep): Promise<Told> {
    const { project } = this;
    const { user } = step;
    const found = await this.inside.store.read((connection) => readBudget(connection, { project, user }));
    const windowStartUs = found && atInstant(found.budget, found.nowUs).periodStartUs;
    const before = this.remembered.get(user);
    const count = (before?.memory.beginnings ?? 0) + 1;
    const after = rowOf(user, count);
    const post: Post = {
      kind: "post",
      project,
      user,
      steps: stepsOf(project, step, count, found === undefined),
      before: step.isStale ? rowOf(user, -1) : before,
      after,
      windowStartUs,
    };
    const verdict = await this.inside.engine.submitInBackground(post);
    if (verdict.ok && !verdict.changed) return "stale";
    if (verdict.ok) this.remembered.set(user, after);
    return toldOf(verdict);
  }

  hour(us: bigint): bigint {
    return (us - this.startUs) / HOUR_US;
  }

  /** Everything that can be read of the project. */
  async state(): Promise<unknown> {
    const { reader } = this.inside;
    const { project } = this;
    const hour = (us: bigint | undefined) => us && this.hour(us);
    const page = { project, user: undefined, after: undefined, before: undefined, limit: 10_000 };
    const { items: budgets } = await reader.listUsers({ ...page, prefix: "" });
    const { items: reservations } = await reader.listReservations({ ...page, state: undefined });
    const range = { startUs: undefined, endUs: undefined };
    const { items: entries } = await reader.listCostEntries({ ...page, ...range });
    return {
      budgets: await Promise.all(
        budgets.map(async (each) => {
          const { items: periods } = await reader.listPeriods({ ...page, user: each.user });
          const { modelCosts } = await reader.current(each);
          return {
            user: each.user,
            total: each.totalNanoUsd,
            spent: each.spentNanoUsd,
            held: each.heldNanoUsd,
            parent: each.parent,
            start: hour(each.periodStartUs),
            end: hour(each.periodEndUs),
            limits: each.modelLimits.map((l) => [l.model, l.limitNanoUsd, l.spentNanoUsd, l.heldNanoUsd]),
            costs: [...modelCosts].toSorted(),
            closed: periods.map((p) => [
              hour(p.periodStartUs),
              hour(p.periodEndUs),
              p.spentNanoUsd,
              p.totalNanoUsd,
              [...p.modelCosts].toSorted(),
            ]),
          };
        }),
      ),
      reservations: reservations.map((r) => [
        r.reservationId,
        r.user,
        r.model,
        r.heldNanoUsd,
        r.state,
        r.onExpiry,
        r.ancestors,
        hour(r.expiresAtUs),
        hour(r.closedAtUs),
      ]),
      entries: byUser(
        entries.map((e) => ({
          id: e.source === "RESERVATION" ? undefined : e.requestId,
          user: e.user,
          model: e.model,
          cost: e.costNanoUsd,
          reservation: e.reservationId,
          corrects: e.correctsRequestId,
          ancestors: e.ancestors,
          at: hour(e.createdAtUs),
          told: [e.spentAfterNanoUsd, e.heldAfterNanoUsd, e.totalAfterNanoUsd],
        })),
      ),
    };
  }
}

/** Ordered for each user separately, since two users' entries of one transaction may have the same instant. */
const byUser = <T extends { user: string }>(entries: T[]): T[] =>
  entries.toSorted((a, b) => (a.user < b.user ? -1 : Number(a.user > b.user)));

/** Everything that can be read of the model. */
export function modelState(model: TreeModel): unknown {
  // A read ends expired holds.
  model.notice();
  const hour = (at: bigint | undefined) => at && at / HOUR;
  const sorted = <T>(map: Map<string, T>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    budgets: sorted(model.budgets).map(([user, each]) => ({
      user,
      total: each.total,
      spent: each.spent,
      held: each.held,
      parent: each.parent,
      start: hour(each.start),
      end: hour(each.end),
      limits: each.limits.map((l) => [l.model, l.limit, l.spent, l.held]),
      costs: Object.entries(each.costs).toSorted(),
      closed: each.closed.map((p) => [
        hour(p.start),
        hour(p.end),
        p.spent,
        p.total,
        Object.entries(p.costs).toSorted(),
      ]),
    })),
    reservations: sorted(model.reservations).map(([id, r]) => [
      id,
      r.user,
      r.model,
      r.amount,
      r.state,
      r.charges ? "CHARGE" : "RELEASE",
      r.ancestors,
      hour(r.expires),
      hour(r.closed),
    ]),
    entries: byUser(
      model.entries.map(({ id, user, model: name, cost, reservation, corrects, ancestors, at, told }) => ({
        id,
        user,
        model: name,
        cost,
        reservation,
        corrects,
        ancestors,
        at: hour(at),
        told: [told.spent, told.held, told.total],
      })),
    ),
  };
}

/** What is remembered of a post; here only the number of posts. */
const rowOf = (user: string, count: number): RecordRow => ({
  session: "s",
  user,
  isHandedOut: false,
  seenUs: 0n,
  memory: {
    costs: new Map(),
    costsBefore: new Map(),
    raisedUs: 0n,
    begunUs: undefined,
    beginnings: count,
    lastUpdatedUs: undefined,
    totalNanoUsd: undefined,
    durationDays: undefined,
  },
});

function stepsOf(project: string, post: PostStep, count: number, isMissing: boolean): Post["steps"] {
  const { user, creates, resets, costs, total } = post;
  const once = (part: string) => ({
    project,
    user,
    requestId: `post ${user} ${count} ${part}`,
    fingerprint: "post",
  });
  const creation = {
    kind: "create" as const,
    project,
    user,
    fingerprint: "post",
    modelLimits: [],
    actor: "test",
  };
  return [
    ...(isMissing && creates !== undefined
      ? [{ ...creation, totalNanoUsd: creates, period: undefined, parent: undefined }]
      : []),
    ...(resets ? [{ kind: "reset" as const, ...once("reset"), actor: "test" }] : []),
    ...costs.map(({ model, cost }, index) => ({
      kind: "charge" as const,
      ...once(`charge ${index}`),
      source: "LEGACY" as const,
      model,
      costNanoUsd: cost,
      detail: undefined,
      reservationId: undefined,
    })),
    ...(total === undefined
      ? []
      : [{ kind: "update" as const, project, user, change: { totalNanoUsd: total }, actor: "test" }]),
  ];
}

export function toldOf(verdict: Verdict): Told {
  if (!verdict.ok) {
    const { error } = verdict;
    const namesLevel = ["BUDGET_EXCEEDED", "MODEL_LIMIT_EXCEEDED", "AMOUNT_OVERFLOW"].includes(error.reason);
    return namesLevel && "user" in error ? `${error.reason} ${error.user}` : error.reason;
  }
  const { spentNanoUsd: spent, heldNanoUsd: held, totalNanoUsd: total } = verdict.budget;
  const state = verdict.reservation?.state;
  const told = { ok: verdict.replayed ? "replayed" : "done", spent, held, total };
  return verdict.entry === undefined && state !== undefined ? { ...told, state } : told;
}
