import type { Engine } from "../../engine/commit.ts";
import type { Costing } from "../../engine/costing.ts";
import type { Expiry } from "../../engine/expiry.ts";
import type { Feed } from "../../engine/feed.ts";
import type { ProjectPriceList } from "../../engine/prices.ts";
import type { Reader } from "../../engine/reader.ts";
import type { Store } from "../../store/store.ts";

/** What handlers need. */
export interface Services {
  store: Store;
  engine: Engine;
  reader: Reader;
  expiry: Expiry;
  feed: Feed;
  costing: Costing;
  projectPrices: ProjectPriceList;
  sweepBatchBudgetsMax: number;
  /** Told what must not happen, where the caller still gets an answer. */
  onDefect: (error: unknown) => void;
}
