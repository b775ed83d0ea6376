import { LRUCache } from "lru-cache";
import type { ProjectPrices } from "../../domain/prices/project.ts";
import { createPriceBook, type PriceBook, type PriceFile, priceLayers } from "../../domain/prices.ts";
import { listPrices } from "../../store/prices.ts";
import type { Store } from "../../store/store.ts";

/** The model name of a project's default price, which applies to all models that no price list knows. */
export const DEFAULT_MODEL = "*";

/** The price book of each project. Prices are looked up in its own prices, then in the price file, then in the built-in list. */
export interface PriceBooks {
  /** The project's book. It is at most `refreshMs` old. */
  of(project: string): Promise<PriceBook>;
  /** Drops the project's book from the cache. Call it when this server has changed the project's prices. */
  forget(project: string): void;
  /** Replaces the price file. */
  useFile(file: PriceFile): void;
}

interface CachedBook {
  book: Promise<PriceBook>;
  readAtMs: number;
}

/**
 * Books in the cache, at most. Beyond it, the least recently used book is dropped. All projects without prices of their own share
 * one book, and the other books are small.
 */
const PROJECTS_MAX = 10_000;

/**
 * @param options.pricesMax How many prices a project may have.
 * @param options.refreshMs How long a book may be used. Another server may have changed the project's prices meanwhile.
 */
export function createPriceBooks(options: {
  store: Store;
  pricesMax: number;
  refreshMs: number;
}): PriceBooks {
  const { store, pricesMax, refreshMs } = options;
  const cache = new LRUCache<string, CachedBook>({ max: PROJECTS_MAX });
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

  const forget = (project: string): void => void cache.delete(project);

  return {
    of(project) {
      const known = cache.get(project);
      const nowMs = performance.now();
      if (known !== undefined && nowMs - known.readAtMs < refreshMs) return known.book;
      const next: CachedBook = { book: read(project), readAtMs: nowMs };
      // A failed read must not stay in the cache.
      next.book.catch(() => cache.get(project) === next && forget(project));
      cache.set(project, next);
      return next.book;
    },
    forget,
    useFile(next) {
      file = next;
      common = createPriceBook(priceLayers({ file }));
      cache.clear();
    },
  };
}
