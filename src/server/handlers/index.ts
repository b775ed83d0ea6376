import { Failure } from "../../domain/errors.ts";
import type { Handlers } from "../pipeline.ts";
import { budgetHandlers } from "./budgets.ts";
import { costHandlers } from "./costs.ts";
import { ledgerHandlers } from "./ledger.ts";
import { priceHandlers } from "./prices.ts";
import { projectionHandlers } from "./projection.ts";
import type { Services } from "./services.ts";

/** Handlers turn messages into domain values and back, and decide nothing. One for each method of the service. */
export const createHandlers = (services: Services): Handlers => ({
  ...budgetHandlers(services),
  ...projectionHandlers(services),
  ...costHandlers(services),
  ...ledgerHandlers(services),
  ...priceHandlers(services),
  reserveCost: notImplemented("ReserveCost"),
  releaseReservation: notImplemented("ReleaseReservation"),
  extendReservation: notImplemented("ExtendReservation"),
});

const notImplemented = (what: string) => (): Promise<never> =>
  Promise.reject(new Failure({ reason: "NOT_IMPLEMENTED", what }));
