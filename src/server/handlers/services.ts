import type { Engine } from "../../engine/commit.ts";
import type { Costing } from "../../engine/costing.ts";
import type { Store } from "../../store/store.ts";

/** What handlers need. */
export interface Services {
  store: Store;
  engine: Engine;
  costing: Costing;
  sweepBatchBudgetsMax: number;
}
