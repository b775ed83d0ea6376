import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { COUNTED, DRAWN, type EncodedCall, encodeCall } from "./call.ts";

/** The calls of the measurements. */

export const PROJECT = "bench";
export const HOT = "hot";
export const COST_NANO_USD = 1000n;
const MODEL = "gpt-4o";

const { updateCost, reserveCost, batchUpdateCost, getCurrentCost, listCostEntries, listUsers } =
  BudgetService.method;
const source = { case: "cost", value: { model: MODEL, costNanoUsd: COST_NANO_USD } } as const;

/** One of `count` users, chosen at random for each call. */
export interface Drawn {
  prefix: string;
  count: number;
}

const userOf = (user: string | Drawn): string => (typeof user === "string" ? user : `${user.prefix}${DRAWN}`);
const countOf = (user: string | Drawn): number => (typeof user === "string" ? 1 : user.count);

export const charge = (user: string | Drawn, project = PROJECT): EncodedCall =>
  encodeCall(updateCost, { project, user: userOf(user), source }, countOf(user));

/** A hold, and the charge of the same amount that settles it. */
export const holdAndSettle = (user: string): [EncodedCall, EncodedCall] => [
  encodeCall(reserveCost, {
    project: PROJECT,
    user,
    requestId: `hold-${COUNTED}`,
    model: MODEL,
    amount: { case: "costNanoUsd", value: COST_NANO_USD },
  }),
  encodeCall(updateCost, { project: PROJECT, user, reservationId: `hold-${COUNTED}`, source }),
];

export const chargesTogether = (user: string, count: number): EncodedCall =>
  encodeCall(batchUpdateCost, {
    requests: Array.from({ length: count }, () => ({ project: PROJECT, user, source })),
  });

export const read = (user: string | Drawn): EncodedCall =>
  encodeCall(getCurrentCost, { project: PROJECT, user: userOf(user) }, countOf(user));

export const list = (pageToken: string): EncodedCall =>
  encodeCall(listUsers, { project: PROJECT, pageSize: 100, pageToken });

/** The newest entries of all users. */
export const listEntries = (pageSize: number): EncodedCall =>
  encodeCall(listCostEntries, { project: PROJECT, pageSize });
