import { LRUCache } from "lru-cache";
import type { ProjectPrices } from "../../domain/prices/project.ts";
import { createPriceBook, type PriceBook, type PriceFile, priceLayers } from "../../domain/prices.ts";
import { listPrices } from "../../store/prices.ts";
import type { Store } from "../../store/store.ts";

/** The model name of a project's price for all models that no list knows. */
export const DEFAULT_MODEL = "*";

/** The price book of each project: its own prices, then the price file, then the list that came with the server. */
export interface PriceBooks {
  /** Never more than `refreshMs` old. */
  of(project: string): Promise<PriceBook>;
  /** To be called when this server has changed a project's prices: its next book is read anew. */
  forget(project: string): void;
  /** From now on, this file's prices stand between a project's own and the list that came with the server. */
  useFile(file: PriceFile): void;
}

interface Shelf {
  book: Promise<PriceBook>;
  readAtMs: number;
}

// A book without prices of a project's own is shared; the others are small. Beyond this, the one not used for longest goes.
const PROJECTS_MAX = 10_000;

/**
 * @param pricesMax How many prices a project may have.
 * @param refreshMs How long a book is good: another server may have changed the project's prices meanwhile.
 */
export function createPriceBooks(options: {
  store: Store;
  pricesMax: number;
  refreshMs: number;
}): PriceBooks {
  const { store, pricesMax, refreshMs } = options;
  const shelves = new LRUCache<string, Shelf>({ max: PROJECTS_MAX });
  let file: PriceFile | undefined;
  let common = createPriceBook();

  const read = async (project: string): Promise<PriceBook> => {
    const prices = await store.read((connection) =>
      listPrices(connection, { project, after: undefined, limit: pricesMax }),
    );
    if (prices.length === 0) return common;
    const own: ProjectPrices = {
      models: prices.filter((price) => price.model !== DEFAULT_MODEL),
      defaultRates: prices.find((price) => price.model === DEFAULT_MODEL)?.rates,
    };
    return createPriceBook(priceLayers({ project: own, file }));
  };

  const forget = (project: string): void => void shelves.delete(project);

  return {
    of(project) {
      const known = shelves.get(project);
      const nowMs = performance.now();
      if (known !== undefined && nowMs - known.readAtMs < refreshMs) return known.book;
      const shelf: Shelf = { book: read(project), readAtMs: nowMs };
      // A failed reading is nobody's book.
      shelf.book.catch(() => shelves.get(project) === shelf && forget(project));
      shelves.set(project, shelf);
      return shelf.book;
    },
    forget,
    useFile(next) {
      file = next;
      common = createPriceBook(priceLayers({ file }));
      shelves.clear();
    },
  };
}
