import { Failure } from "../../domain/errors.ts";
import type { ProjectPrice } from "../../domain/prices/project.ts";
import { deletePrice, listPrices, type StoredPrice, writePrice } from "../../store/prices.ts";
import type { Store } from "../../store/store.ts";
import type { PageReads } from "../page-reads.ts";
import type { PriceBooks } from "./price-books.ts";

/** The prices that projects have set for themselves. */
export interface ProjectPriceList {
  /** Sets the price of a model. @throws PRICES_FULL when it is a new one and the project already has `pricesMax` prices */
  set(project: string, price: ProjectPrice): Promise<StoredPrice>;
  /** Deletes the price of a model. @throws PRICE_NOT_FOUND */
  remove(project: string, model: string): Promise<void>;
  /** Up to `limit` prices in the byte order of models, after the model `after`. */
  list(page: {
    project: string;
    after: string | undefined;
    limit: number;
  }): Promise<{ prices: StoredPrice[]; more: boolean }>;
}

export const createProjectPriceList = ({
  store,
  books,
  pageReads,
  pricesMax,
}: {
  store: Store;
  books: PriceBooks;
  pageReads: PageReads;
  pricesMax: number;
}): ProjectPriceList => ({
  async set(project, price) {
    const stored = await store.write((connection) => writePrice(connection, project, price, pricesMax));
    books.forget(project);
    if (stored === undefined) throw new Failure({ reason: "PRICES_FULL", project, pricesMax });
    return stored;
  },
  async remove(project, model) {
    const found = await store.write((connection) => deletePrice(connection, project, model));
    books.forget(project);
    if (!found) throw new Failure({ reason: "PRICE_NOT_FOUND", project, model });
  },
  async list(page) {
    const prices = await pageReads.run(page.project, () =>
      store.read((connection) => listPrices(connection, { ...page, limit: page.limit + 1 })),
    );
    return { prices: prices.slice(0, page.limit), more: prices.length > page.limit };
  },
});
