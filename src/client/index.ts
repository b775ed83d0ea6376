/** What a service imports: `purser/client`. */

// The messages of BudgetService.
export * from "../../gen/es/budget/v1/budget_pb.ts";
export * from "../../gen/es/budget/v1/budget_service_pb.ts";
export * from "../../gen/es/budget/v1/cost_pb.ts";
export * from "../../gen/es/budget/v1/error_reason_pb.ts";
export * from "../../gen/es/budget/v1/price_pb.ts";
export * from "../../gen/es/budget/v1/reservation_pb.ts";
// LiteLLM's BudgetManager, on Purser.
export { BudgetManager, type UpdatedCost } from "./budget-manager.ts";
// The client of BudgetService, of a server or in this process.
export { createPurserClient, type PurserClient, type PurserClientOptions } from "./connect.ts";
export type { BudgetManagerOptions } from "./connection.ts";
export type { CostOptions } from "./cost-source.ts";
export { type LocalOptions, type LocalPurser, openLocal } from "./open-local.ts";
export { BudgetNotFoundError, PurserError } from "./purser-error.ts";
export type { BudgetDuration, BudgetRecord } from "./record.ts";
