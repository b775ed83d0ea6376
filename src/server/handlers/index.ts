import type { Handlers, KeyHandlers } from "../pipeline.ts";
import { auditHandlers } from "./audit.ts";
import { budgetHandlers } from "./budgets.ts";
import { costHandlers } from "./costs.ts";
import { keyHandlers } from "./keys.ts";
import { ledgerHandlers } from "./ledger.ts";
import { priceHandlers } from "./prices.ts";
import { projectionHandlers } from "./projection.ts";
import { reservationHandlers } from "./reservations.ts";
import type { Services } from "./services.ts";
import { watchHandlers } from "./watch.ts";

/**
 * Creates one handler for each method of the services. Handlers convert between messages and domain values; the engine
 * makes the decisions.
 */
export const createHandlers = (services: Services): Handlers & KeyHandlers => ({
  ...budgetHandlers(services),
  ...projectionHandlers(services),
  ...costHandlers(services),
  ...ledgerHandlers(services),
  ...priceHandlers(services),
  ...reservationHandlers(services),
  ...watchHandlers(services),
  ...keyHandlers(services),
  ...auditHandlers(services),
});
