import type { Operation, PeriodInput } from "../../src/engine/commit/operation.ts";
import type { Told } from "./model.ts";
import type { Every } from "./model-period.ts";
import type { Definition, TreeModel } from "./model-tree.ts";
import { type BatchOperation, type BudgetStep, HOLDER, NTH_CHARGE, type Step, USERS } from "./steps.ts";

/** The steps of the model as operations of the engine. */

type InBatch = (Step & { kind: "batch" })["operations"][number];

/** The operation with what the service's handlers look up before they submit it. */
export function resolved(model: TreeModel, operation: InBatch): InBatch {
  if (!("user" in operation) || operation.user !== HOLDER) return operation;
  if (operation.kind === "refund") {
    const charge = chargeNamed(model, (operation as BatchOperation & { kind: "refund" }).chargeId);
    const chargedAncestors = charge?.ancestors ?? [];
    const user = charge?.user ?? USERS[0];
    return { ...operation, user, chargedAncestors, ...(charge && { chargeId: charge.id }) } as InBatch;
  }
  const { reservationId } = operation as unknown as { reservationId: string };
  return {
    ...operation,
    user: model.reservations.get(reservationId)?.user ?? USERS[0],
  } as InBatch;
}

function chargeNamed(model: TreeModel, chargeId: string) {
  const charges = model.entries.filter((each) => each.id !== undefined && each.model !== undefined);
  return chargeId.startsWith(NTH_CHARGE)
    ? charges.at(Number(chargeId.slice(NTH_CHARGE.length)) % Math.max(1, charges.length))
    : charges.find((each) => each.id === chargeId);
}

export const isBudgetStep = (operation: InBatch): operation is BudgetStep =>
  ["create", "update", "delete"].includes(operation.kind);

function modelBudgetStep(model: TreeModel, step: BudgetStep): Told {
  switch (step.kind) {
    case "create":
      return model.create(step.definition, printOf(step.definition));
    case "update":
      return model.update(step.user, step.change);
    case "delete":
      return model.delete(step.user);
    default: {
      const unreachable: never = step;
      return unreachable;
    }
  }
}

/** Applies a step to the model, and completes it for the service. */
export function modelStep(model: TreeModel, step: Step): Told[] {
  switch (step.kind) {
    case "create":
    case "update":
    case "delete":
      return [modelBudgetStep(model, step)];
    case "post":
      return [model.post(step.post)];
    case "sweep":
      return [model.sweep(step.user)];
    case "pass":
      model.tick(step.hours);
      return [];
    case "batch":
      return step.operations.map((each, index) => {
        const operation = resolved(model, each);
        step.operations[index] = operation;
        if (isBudgetStep(operation)) return modelBudgetStep(model, operation);
        return model.apply({ ...operation, project: "" } as BatchOperation);
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

/** A budget step as an operation of the engine. */
export function budgetOperation(project: string, step: BudgetStep): Operation {
  switch (step.kind) {
    case "create": {
      const { user, total, period: every, parent, limits } = step.definition;
      const given = {
        project,
        user,
        totalNanoUsd: total,
        period: periodOf(every),
        parent,
        modelLimits: limits,
      };
      return { kind: "create", ...given, fingerprint: printOf(step.definition), actor: "test" };
    }
    case "update": {
      const { total, limits, ...rest } = step.change;
      const change = {
        ...(total === undefined ? {} : { totalNanoUsd: total }),
        ...(limits === undefined ? {} : { modelLimits: limits }),
        ...("parent" in rest ? { parent: rest.parent } : {}),
        ...("period" in rest ? { period: periodOf(rest.period) } : {}),
      };
      return { kind: "update", project, user: step.user, change, actor: "test" };
    }
    case "delete":
      return { kind: "delete", project, user: step.user, actor: "test" };
    default: {
      const unreachable: never = step;
      return unreachable;
    }
  }
}
