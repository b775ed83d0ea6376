import type { Engine } from "../../engine/commit/engine.ts";
import type { Costing } from "../../engine/pricing/costing.ts";
import type { ProjectPriceList } from "../../engine/pricing/project-prices.ts";
import type { Feed } from "../../engine/read/feed.ts";
import type { Reader } from "../../engine/read/reader.ts";
import type { Store } from "../../store/store.ts";
import type { KeyStore } from "../keys/key-store.ts";

/** The dependencies of the handlers. */
export interface Services {
  store: Store;
  engine: Engine;
  reader: Reader;
  feed: Feed;
  costing: Costing;
  projectPrices: ProjectPriceList;
  keys: KeyStore;
  sweepBatchBudgetsMax: number;
  watchPollMs: number;
  /** Reports a defect in Purser. The caller still gets an answer. */
  onDefect: (error: unknown) => void;
}
