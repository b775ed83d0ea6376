import type { Priced } from "./prices.ts";
import type { Usage } from "./usage.ts";

/** How a charge was priced, in enough detail to compute the amount again. It is stored in the ledger. */
export interface CostDetail {
  usage: Usage;
  price: Pick<Priced, "matchedModel" | "lines" | "assumed"> & { source: Priced["source"] | "reported" };
}

/** How the maximum cost of a call was estimated. It is stored with the reservation. */
export interface EstimateDetail extends CostDetail {
  /** The request set no maximum for the output, so the model's own maximum was used. */
  maxOutputAssumed: boolean;
}
