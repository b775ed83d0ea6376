import { randomUUID } from "node:crypto";
import { budgetKey } from "../domain/budget.ts";
import { type BudgetError, Failure } from "../domain/errors.ts";
import type { Permission } from "../domain/key.ts";
import { createGroups } from "../engine/groups.ts";
import type { BudgetName } from "../store/names.ts";
import { findReservations } from "../store/reservations.ts";
import type { Store } from "../store/store.ts";
import { readAncestors } from "../store/tree.ts";
import type { Caller } from "./caller.ts";
import { checkName, checkRequestId } from "./fields.ts";

/**
 * What a method needs, and what its request names.
 *
 * - `project`: the whole project. A caller who may not use it gets KEY_NOT_ALLOWED. An empty name stands for all projects.
 * - `list`: one budget if the request has a user, else the whole project.
 * - `budget`: one budget. If the caller may not see it, it does not exist for the caller.
 * - `reservation`, `charge`: a reservation or a charge by its id. In the same way.
 * - `each`: the handler checks each request in it by itself, with `CallContext.permitted`.
 */
export interface Rule {
  readonly permission: Permission;
  readonly names: "project" | "list" | "budget" | "reservation" | "charge" | "each";
}

const READ_BUDGET: Rule = { permission: "READ", names: "budget" };
const READ_PROJECT: Rule = { permission: "READ", names: "project" };
const READ_LIST: Rule = { permission: "READ", names: "list" };
const SPEND_BUDGET: Rule = { permission: "SPEND", names: "budget" };
const SPEND_RESERVATION: Rule = { permission: "SPEND", names: "reservation" };
const ADMINISTER_BUDGET: Rule = { permission: "ADMINISTER", names: "budget" };
const ADMINISTER_PROJECT: Rule = { permission: "ADMINISTER", names: "project" };

/** The rule of every method and route. A method without a rule is not served. */
export const RULES: Readonly<Record<string, Rule>> = {
  CreateBudget: ADMINISTER_PROJECT,
  GetBudget: READ_BUDGET,
  UpdateBudget: ADMINISTER_BUDGET,
  DeleteBudget: ADMINISTER_BUDGET,
  ProjectedCost: READ_BUDGET,
  ReserveCost: SPEND_BUDGET,
  UpdateCost: SPEND_BUDGET,
  BatchUpdateCost: { permission: "SPEND", names: "each" },
  RefundCost: { permission: "ADMINISTER", names: "charge" },
  ReleaseReservation: SPEND_RESERVATION,
  ExtendReservation: SPEND_RESERVATION,
  GetCurrentCost: READ_BUDGET,
  ResetCost: ADMINISTER_BUDGET,
  ListUsers: READ_PROJECT,
  SweepDurations: ADMINISTER_PROJECT,
  ListCostEntries: READ_LIST,
  ListPeriods: READ_BUDGET,
  ListReservations: READ_LIST,
  WatchBudget: READ_BUDGET,
  SetModelPrice: ADMINISTER_PROJECT,
  ListModelPrices: READ_PROJECT,
  DeleteModelPrice: ADMINISTER_PROJECT,
  CreateKey: ADMINISTER_PROJECT,
  ListKeys: ADMINISTER_PROJECT,
  RevokeKey: ADMINISTER_PROJECT,
  ListAuditEntries: ADMINISTER_PROJECT,
  "/get_budget": READ_PROJECT,
  "/set_budget": ADMINISTER_PROJECT,
};

/** The names in a request. Which of them there are depends on the method. */
export interface Names {
  project: string;
  /** Empty, or absent, where a request for a list has no user: then it names the whole project. */
  user?: string;
  reservationId?: string;
  chargeRequestId?: string;
}

/** Decides what a caller may do. */
export interface Permissions {
  /**
   * Whether the request may go on as it is. If not, `hidden` takes its place: a request for something that certainly does not
   * exist, in a project of the caller. So the answer, and the time that it takes, are those for something that does not exist.
   * It is a promise when the tree of budgets has to be read.
   *
   * @throws KEY_NOT_ALLOWED, or INVALID_FIELD for the names
   */
  check(method: string, request: Names, caller: Caller): boolean | Promise<boolean>;
}

/** Names that one statement looks up, and statements at the same time. */
const NAMES_MAX = 1000;
const IN_FLIGHT_MAX = 2;

/** Something that does not exist and that nobody can name. */
const HIDDEN = `hidden-${randomUUID()}`;

/** The request that takes the place of one that the caller may not make. */
export function hidden<Request extends Names>(request: Request, caller: Caller): Request {
  const instead: Names = { project: caller.project ?? "", user: HIDDEN };
  if (request.reservationId !== undefined && request.user === undefined) instead.reservationId = HIDDEN;
  if (request.chargeRequestId !== undefined) instead.chargeRequestId = HIDDEN;
  // A message has a prototype with the defaults of its fields.
  return Object.assign(Object.create(Object.getPrototypeOf(request) as object) as Request, request, instead);
}

/** The error of a hidden request, with the names that the caller gave. */
export function unhidden(error: BudgetError, request: Names): BudgetError {
  if (!Object.values(error).includes(HIDDEN)) return error;
  const given: Record<string, unknown> = { ...error };
  if ("project" in error) given["project"] = request.project;
  if ("user" in error) given["user"] = request.user;
  if ("reservationId" in error) given["reservationId"] = request.reservationId;
  if ("requestId" in error) given["requestId"] = request.chargeRequestId;
  return given as BudgetError;
}

export function createPermissions(store: Pick<Store, "read">): Permissions {
  // The requests of a batch, and calls that arrive together, share a statement.
  const ancestors = createGroups<BudgetName, readonly string[]>({
    itemsMax: NAMES_MAX,
    inFlightMax: IN_FLIGHT_MAX,
    async work(names) {
      const distinct = new Map(names.map((name) => [budgetKey(name.project, name.user), name]));
      const found = await store.read((connection) => readAncestors(connection, [...distinct.values()]));
      return names.map(({ project, user }) => found.get(budgetKey(project, user)) ?? []);
    },
  });

  /** Whether a user is `bound`, or below it. */
  const isWithin = async (project: string, user: string, bound: string): Promise<boolean> =>
    user === bound || (await ancestors.submit({ project, user })).includes(bound);

  const ownerOf = async (project: string, reservationId: string): Promise<string | undefined> => {
    const name = { project, reservationId };
    const [found] = (await store.read((connection) => findReservations(connection, [name]))).values();
    return found?.user;
  };

  return {
    check(method, request, caller) {
      const rule = RULES[method];
      const { permissions, project: ownProject, user: bound } = caller;
      const refused = (): Failure => new Failure({ reason: "KEY_NOT_ALLOWED", method });
      if (rule === undefined || !permissions.has(rule.permission)) throw refused();
      if (rule.names === "each" || permissions.has("OPERATE")) return true;
      const isProject = rule.names === "project" || (rule.names === "list" && request.user === "");
      if (isProject) {
        // Empty: all projects.
        if (request.project !== "") checkName("project", request.project);
        if (request.project !== ownProject || bound !== undefined) throw refused();
        return true;
      }
      checkName("project", request.project);
      if (rule.names === "budget" || rule.names === "list") checkName("user", request.user ?? "");
      if (rule.names === "reservation") checkRequestId(request.reservationId ?? "", "reservation_id");
      const isOwn = request.project === ownProject;
      if (bound === undefined) return isOwn;
      // What is hidden, and what does not exist, take the same statements, so that they take the same time.
      const { project, user = "", reservationId = "" } = isOwn ? request : hidden(request, caller);
      if (rule.names !== "reservation") return user === bound || isWithin(project, user, bound);
      return ownerOf(project, reservationId).then((owner) => isWithin(project, owner ?? HIDDEN, bound));
    },
  };
}
