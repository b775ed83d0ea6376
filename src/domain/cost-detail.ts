import type { Priced } from "./prices.ts";
import type { Usage } from "./usage.ts";

/** How a charge was priced, in enough detail to compute it again. The ledger keeps it. */
export interface CostDetail {
  usage: Usage;
  price: Pick<Priced, "matchedModel" | "lines" | "assumed"> & { source: Priced["source"] | "reported" };
}

/** How the worst case of a call was estimated. The reservation keeps it. */
export interface EstimateDetail extends CostDetail {
  /** The request set no bound on the output, and the model's own was taken. */
  maxOutputAssumed: boolean;
}
