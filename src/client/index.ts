/** The package's entry point: `purser/client`. */

import { withMaxBudget } from "./max-budget.ts";
import { openLocal } from "./open-local.ts";

// The messages of BudgetService and KeyService.
export * from "../../gen/es/budget/v1/audit_pb.ts";
export * from "../../gen/es/budget/v1/budget_pb.ts";
export * from "../../gen/es/budget/v1/budget_service_pb.ts";
export * from "../../gen/es/budget/v1/cost_pb.ts";
export * from "../../gen/es/budget/v1/error_reason_pb.ts";
export * from "../../gen/es/budget/v1/key_pb.ts";
export * from "../../gen/es/budget/v1/key_service_pb.ts";
export * from "../../gen/es/budget/v1/price_pb.ts";
export * from "../../gen/es/budget/v1/reservation_pb.ts";
// LiteLLM's BudgetManager, on Purser.
export { BudgetManager, type UpdatedCost } from "./budget-manager.ts";
// Clients of BudgetService and KeyService, for a server or for the service in this process.
export {
  createPurserClient,
  createPurserKeyClient,
  type PurserClient,
  type PurserClientOptions,
  type PurserKeyClient,
} from "./connect.ts";
export type { BudgetManagerOptions } from "./connection.ts";
export type { CostOptions } from "./cost-source.ts";
// A fetch that charges calls to models to a budget.
export {
  BudgetExceededError,
  type BudgetExceededReason,
  budgetExceeded,
  PurserUnavailableError,
} from "./errors.ts";
export type { BudgetFetch, BudgetFetchOptions } from "./fetch/budget-fetch.ts";
export type { FetchOptions } from "./fetch/options.ts";
export type { BudgetFetchFactory, MaxBudgetOptions } from "./max-budget.ts";
export { type LocalOptions, type LocalPurser, openLocal } from "./open-local.ts";
export { BudgetNotFoundError, PurserError } from "./purser-error.ts";
export type { BudgetDuration, BudgetRecord } from "./record.ts";

/** A `fetch` that charges calls to models to a budget: see {@link BudgetFetchFactory}. */
export const budgetFetch = withMaxBudget(() => openLocal({ dataDir: "memory://" }));
