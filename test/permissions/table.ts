import { Role } from "../../gen/es/budget/v1/key_pb.ts";

/**
 * What every caller may do: one row for each method and legacy route. A cell has the expected answer of one caller about one
 * target: `+` it is permitted, `0` the target does not exist for the caller, `-` KEY_NOT_ALLOWED,
 * `?` the request itself is not valid.
 */

/** The callers with a key that works. `bound` keys are bound to alice, whose parent is team. */
export const CALLERS = ["reader", "spender", "admin", "operator", "bound reader", "bound spender"] as const;
export type CallerName = (typeof CALLERS)[number];

/** What a call is about: budgets of the project p, of another project, or all. */
export const TARGETS = ["alice", "below", "beside", "above", "nobody", "foreign", "no budget there"] as const;
export const PROJECTS = ["own", "other", "all"] as const;
export type TargetName = (typeof TARGETS)[number] | (typeof PROJECTS)[number];

/** The names that a request about a target has. */
export interface Target {
  project: string;
  user: string;
  /** An open reservation of the user, and another one. */
  reservationId: string;
  releasable: string;
  chargeRequestId: string;
  keyId: string;
  /** Unique for every call. */
  fresh: string;
}

export interface Row {
  /** The targets of the columns. */
  targets: readonly TargetName[];
  /** A line for each of CALLERS, with a cell for each target. */
  cells: string;
  /** The answer to `0`. */
  missing?: string;
  /** The answer to `+`, if it is not "ok". It shows that the handler was reached. */
  permitted?: string;
  request(target: Target): object;
}

//                 a b b a n f n
//                 l e e b o o o
//                 i l s o b r b
//                 c o i v o e u
//                 e w d e d i d
//                       e   y g g
//                             n e
const READS_ONE = `+ + + + 0 0 0
                   + + + + 0 0 0
                   + + + + 0 0 0
                   + + + + 0 + 0
                   + + 0 0 0 0 0
                   + + 0 0 0 0 0`;
const SPENDS_ONE = `- - - - - - -
                    + + + + 0 0 0
                    + + + + 0 0 0
                    + + + + 0 + 0
                    - - - - - - -
                    + + 0 0 0 0 0`;
const MANAGES_ONE = `- - - - - - -
                     - - - - - - -
                     + + + + 0 0 0
                     + + + + 0 + 0
                     - - - - - - -
                     - - - - - - -`;
//                  own other all
const READS_ALL = `+ - -
                   + - -
                   + - -
                   + + +
                   - - -
                   - - -`;
const MANAGES_ALL = `- - -
                     - - -
                     + - -
                     + + +
                     - - -
                     - - -`;

const one = (cells: string) => ({ targets: TARGETS, cells, missing: "BUDGET_NOT_FOUND" });
const all = (cells: string) => ({ targets: PROJECTS, cells });
/** Every project, but not all of them together: the handler refuses the empty name to those who get to it. */
const each = (cells: string) => ({
  targets: PROJECTS.slice(0, 2),
  cells: cells.replaceAll(/ \S$/gm, ""),
});

const nameOf = ({ project, user }: Target) => ({ project, user });
const projectOf = ({ project }: Target) => ({ project });
const cost = { case: "cost", value: { model: "m", costNanoUsd: 1n } } as const;
const charge = (target: Target) => ({ ...nameOf(target), requestId: target.fresh, source: cost });
const model = "a-model";

export const TABLE: Readonly<Record<string, Row>> = {
  CreateBudget: { ...each(MANAGES_ALL), request: ({ project, fresh: user }) => ({ project, user }) },
  GetBudget: { ...one(READS_ONE), request: (target) => ({ ...nameOf(target), view: 2 }) },
  UpdateBudget: {
    ...one(MANAGES_ONE),
    request: (target) => ({
      ...nameOf(target),
      totalBudgetNanoUsd: 1_000_000n,
      updateMask: { paths: ["total_budget_nano_usd"] },
    }),
  },
  DeleteBudget: { ...one(MANAGES_ONE), permitted: "BUDGET_IN_USE", request: nameOf },
  ProjectedCost: {
    ...one(READS_ONE),
    request: (target) => ({ ...nameOf(target), model: "gpt-4o", text: "Hello" }),
  },
  ReserveCost: {
    ...one(SPENDS_ONE),
    request: (target) => ({
      ...nameOf(target),
      requestId: target.fresh,
      model,
      amount: { case: "costNanoUsd", value: 1n },
    }),
  },
  UpdateCost: { ...one(SPENDS_ONE), request: charge },
  BatchUpdateCost: { ...one(SPENDS_ONE), request: (target) => ({ requests: [charge(target)] }) },
  RefundCost: {
    ...one(MANAGES_ONE),
    missing: "CHARGE_NOT_FOUND",
    request: ({ project, chargeRequestId, fresh: requestId }) => ({
      project,
      requestId,
      chargeRequestId,
      amountNanoUsd: 1n,
    }),
  },
  ReleaseReservation: {
    ...one(SPENDS_ONE),
    missing: "RESERVATION_NOT_FOUND",
    request: ({ project, releasable: reservationId }) => ({ project, reservationId }),
  },
  ExtendReservation: {
    ...one(SPENDS_ONE),
    missing: "RESERVATION_NOT_FOUND",
    request: ({ project, reservationId }) => ({ project, reservationId, ttl: { seconds: 600n } }),
  },
  GetCurrentCost: { ...one(READS_ONE), request: nameOf },
  ResetCost: {
    ...one(MANAGES_ONE),
    request: (target) => ({ ...nameOf(target), requestId: target.fresh }),
  },
  ListUsers: { ...each(READS_ALL), request: projectOf },
  SweepDurations: { ...all(MANAGES_ALL), request: projectOf },
  ListCostEntries: { ...one(READS_ONE), request: nameOf },
  "ListCostEntries of all users": { ...each(READS_ALL), request: projectOf },
  ListPeriods: { ...one(READS_ONE), request: nameOf },
  ListReservations: { ...one(READS_ONE), missing: "empty", request: nameOf },
  "ListReservations of all users": { ...each(READS_ALL), request: projectOf },
  WatchBudget: { ...one(READS_ONE), request: nameOf },
  SetModelPrice: {
    ...each(MANAGES_ALL),
    request: ({ project }) => ({
      project,
      price: { model, rates: [{ dimension: "input", usd: "1" }] },
    }),
  },
  ListModelPrices: { ...each(READS_ALL), request: projectOf },
  DeleteModelPrice: {
    ...each(MANAGES_ALL),
    permitted: "PRICE_NOT_FOUND",
    request: ({ project }) => ({ project, model: "a-model-without-a-price" }),
  },
  CreateKey: {
    ...each(MANAGES_ALL),
    request: ({ project, fresh: name }) => ({ project, name, role: Role.READER }),
  },
  "CreateKey for operators": {
    ...all(`- - -
            - - -
            ? - -
            ? ? +
            - - -
            - - -`),
    request: ({ project, fresh: name }) => ({ project, name, role: Role.OPERATOR }),
  },
  ListKeys: { ...all(MANAGES_ALL), request: projectOf },
  RevokeKey: { ...all(MANAGES_ALL), request: ({ project, keyId }) => ({ project, keyId }) },
  ListAuditEntries: { ...all(MANAGES_ALL), request: projectOf },
  "/get_budget": { ...each(READS_ALL), request: ({ project }) => ({ project_name: project }) },
  "/set_budget": {
    ...each(MANAGES_ALL),
    request: ({ project }) => ({ project_name: project, user_dict: {} }),
  },
};

/** The method or route of a row. */
export const methodOf = (name: string): string => name.split(" ")[0] ?? name;

/** The expected answer of a cell. */
export function expectedOf(row: Row, caller: CallerName, target: TargetName): string {
  const line = row.cells.split("\n")[CALLERS.indexOf(caller)] ?? "";
  const cell = line.trim().split(" ")[row.targets.indexOf(target)];
  switch (cell) {
    case "+":
      return row.permitted ?? "ok";
    case "0":
      return row.missing ?? "";
    case "-":
      return "KEY_NOT_ALLOWED";
    case "?":
      return "INVALID_FIELD";
    case undefined:
    default:
      throw new Error(`the row has no cell for ${caller} and ${target}`);
  }
}
