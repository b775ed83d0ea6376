import { Failure } from "../../src/domain/errors.ts";
import {
  createBudget,
  listUsers,
  type PeriodInput,
  removeBudget,
  updateBudget,
} from "../../src/engine/commit/budgets.ts";
import type { Verdict } from "../../src/engine/commit/operation.ts";
import { currentCost } from "../../src/engine/read/current-cost.ts";
import { listClosedPeriods, listCostEntries } from "../../src/engine/read/ledger.ts";
import { listReservationPage } from "../../src/engine/read/reservations.ts";
import { sweep } from "../../src/engine/upkeep/sweep.ts";
import { readClock } from "../../src/store/budgets.ts";
import type { Inside } from "../support/engine.ts";
import { setClock } from "./clock.ts";
import type { Told } from "./model.ts";
import { type Every, HOUR } from "./model-period.ts";
import type { Definition, TreeModel } from "./model-tree.ts";
import { HOLDER, type Step, USERS } from "./steps.ts";

const HOUR_US = 3_600_000_000n;

/** The step with the budgets that reservations belong to, which the service's handlers look up before they submit. */
function resolved(model: TreeModel, operation: Operations[number]): Operations[number] {
  if (operation.user !== HOLDER) return operation;
  const { reservationId } = operation as unknown as { reservationId: string };
  return { ...operation, user: model.reservations.get(reservationId)?.user ?? (USERS[0] as string) };
}

type Operations = (Step & { kind: "batch" })["operations"];

/** Does a step to the model, and completes it for the service. */
export function modelStep(model: TreeModel, step: Step): Told[] {
  switch (step.kind) {
    case "create":
      return [model.create(step.definition, printOf(step.definition))];
    case "update":
      return [model.update(step.user, step.change)];
    case "delete":
      return [model.delete(step.user)];
    case "sweep":
      return [model.sweep(step.user)];
    case "pass":
      model.tick(step.hours);
      return [];
    case "batch":
      return step.operations.map((each, index) => {
        const operation = resolved(model, each);
        step.operations[index] = operation;
        return model.apply({ ...operation, project: "" } as Parameters<TreeModel["apply"]>[0]);
      });
    default: {
      const unreachable: never = step;
      return unreachable;
    }
  }
}

const printOf = (definition: Definition): string =>
  JSON.stringify(definition, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value));

const periodOf = (every: Every | undefined): PeriodInput | undefined =>
  every && { ...every, timeZone: "UTC", anchorUs: undefined };

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

  /** @param atMs What the clock shall show: it is turned there first. */
  async begin(atMs: number): Promise<this> {
    await setClock(this.inside.kysely, 0);
    const nowUs = await this.inside.store.read(readClock);
    this.aheadSeconds = Math.ceil((atMs - Number(nowUs / 1000n)) / 1000);
    await setClock(this.inside.kysely, this.aheadSeconds);
    this.startUs = await this.inside.store.read(readClock);
    return this;
  }

  /** Does a step to the service, and says what it was told. */
  async step(step: Step): Promise<Told[]> {
    const { store, engine, expiry, kysely } = this.inside;
    const { project } = this;
    switch (step.kind) {
      case "create": {
        const { user, total, period: every, parent, limits } = step.definition;
        const period = periodOf(every);
        const given = { project, user, totalNanoUsd: total, period, parent, modelLimits: limits };
        return [await told(createBudget(store, { ...given, fingerprint: printOf(step.definition) }))];
      }
      case "update": {
        const { total, limits, ...rest } = step.change;
        await expiry.settle(project);
        const change = {
          ...(total === undefined ? {} : { totalNanoUsd: total }),
          ...(limits === undefined ? {} : { modelLimits: limits }),
          ...("parent" in rest ? { parent: rest.parent } : {}),
          ...("period" in rest ? { period: periodOf(rest.period) } : {}),
        };
        return [await told(updateBudget(store, { project, user: step.user }, change))];
      }
      case "delete":
        await expiry.settle(project);
        return [await told(removeBudget(store, { project, user: step.user }))];
      case "sweep": {
        const ended = await expiry.settle(project);
        const reset = await sweep(store, { project, user: step.user }, 2);
        return [`${reset} reset, ${ended} ended`];
      }
      case "pass":
        this.aheadSeconds += step.hours * 3600;
        await setClock(kysely, this.aheadSeconds);
        return [];
      case "batch": {
        const operations = step.operations.map(
          (each) => ({ ...each, project }) as Parameters<typeof engine.submit>[0],
        );
        // Submitted in one task, they share a transaction.
        const verdicts = await Promise.all(operations.map((each) => engine.submit(each)));
        return verdicts.map(toldOf);
      }
      default: {
        const unreachable: never = step;
        return unreachable;
      }
    }
  }

  hour(us: bigint): bigint {
    return (us - this.startUs) / HOUR_US;
  }

  /** All that can be read of the project. */
  async state(): Promise<unknown> {
    const { store, expiry } = this.inside;
    const { project } = this;
    await expiry.settle(project);
    const hour = (us: bigint | undefined) => us && this.hour(us);
    const page = { project, user: undefined, after: undefined, before: undefined, limit: 10_000 };
    const { budgets } = await listUsers(store, { ...page, prefix: "" });
    const { reservations } = await listReservationPage(store, { ...page, state: undefined });
    const range = { startUs: undefined, endUs: undefined };
    const { entries } = await listCostEntries(store, { ...page, ...range });
    return {
      budgets: await Promise.all(
        budgets.map(async (each) => {
          const { periods } = await listClosedPeriods(store, { ...page, user: each.user });
          const { modelCosts } = await currentCost(store, each);
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
          ancestors: e.ancestors,
          at: hour(e.createdAtUs),
          told: [e.spentAfterNanoUsd, e.heldAfterNanoUsd, e.totalAfterNanoUsd],
        })),
      ),
    };
  }
}

/** In the order of each user's own: two users' instants of one transaction may be the same. */
const byUser = <T extends { user: string }>(entries: T[]): T[] =>
  entries.toSorted((a, b) => (a.user < b.user ? -1 : Number(a.user > b.user)));

/** All that can be read of the model. */
export function modelState(model: TreeModel): unknown {
  // Whoever reads ends what has run out.
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
      model.entries.map(({ id, user, model: name, cost, reservation, ancestors, at, told }) => ({
        id,
        user,
        model: name,
        cost,
        reservation,
        ancestors,
        at: hour(at),
        told: [told.spent, told.held, told.total],
      })),
    ),
  };
}

async function told(
  call: Promise<{ spentNanoUsd: bigint; heldNanoUsd: bigint; totalNanoUsd: bigint } | void>,
) {
  try {
    const budget = await call;
    if (budget === undefined) return { ok: "done" };
    const { spentNanoUsd: spent, heldNanoUsd: held, totalNanoUsd: total } = budget;
    return { ok: "done", spent, held, total };
  } catch (error) {
    if (error instanceof Failure) return error.error.reason;
    throw error;
  }
}

function toldOf(verdict: Verdict): Told {
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
