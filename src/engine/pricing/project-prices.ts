import { isSame, priceSettings } from "../../domain/audit.ts";
import { Failure } from "../../domain/errors.ts";
import type { ProjectPrice } from "../../domain/prices/project.ts";
import { writeAuditEntry } from "../../store/audit.ts";
import {
  deletePrice,
  listPrices,
  lockPrices,
  readPrice,
  type StoredPrice,
  writePrice,
} from "../../store/prices.ts";
import type { Store } from "../../store/store.ts";
import type { PageReads } from "../page-reads.ts";
import type { PriceBooks } from "./price-books.ts";

/** The prices that projects have set for themselves. */
export interface ProjectPriceList {
  /**
   * Sets the price of a model.
   *
   * @param actor Who sets it, for the audit log.
   * @throws PRICES_FULL when it is a new one and the project already has `pricesMax` prices
   */
  set(project: string, price: ProjectPrice, actor: string): Promise<StoredPrice>;
  /** Deletes the price of a model. @throws PRICE_NOT_FOUND */
  remove(project: string, model: string, actor: string): Promise<void>;
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
  async set(project, price, actor) {
    const stored = await store.transaction(async (connection) => {
      await lockPrices(connection, project);
      const old = await readPrice(connection, project, price.model);
      const written = await writePrice(connection, project, price, pricesMax);
      const before = old && priceSettings(old);
      const after = priceSettings(price);
      if (written === undefined || isSame(before, after)) return written;
      await writeAuditEntry(connection, {
        project,
        createdAtUs: written.updatedAtUs,
        actor,
        action: "SET_MODEL_PRICE",
        subject: price.model,
        before,
        after,
      });
      return written;
    });
    books.forget(project);
    if (stored === undefined) throw new Failure({ reason: "PRICES_FULL", project, pricesMax });
    return stored;
  },
  async remove(project, model, actor) {
    const deleted = await store.transaction(async (connection) => {
      await lockPrices(connection, project);
      const found = await deletePrice(connection, project, model);
      if (found === undefined) return false;
      await writeAuditEntry(connection, {
        project,
        createdAtUs: found.deletedAtUs,
        actor,
        action: "DELETE_MODEL_PRICE",
        subject: model,
        before: priceSettings(found.price),
        after: undefined,
      });
      return true;
    });
    books.forget(project);
    if (!deleted) throw new Failure({ reason: "PRICE_NOT_FOUND", project, model });
  },
  async list(page) {
    const prices = await pageReads.run(page.project, () =>
      store.read((connection) => listPrices(connection, { ...page, limit: page.limit + 1 })),
    );
    return { prices: prices.slice(0, page.limit), more: prices.length > page.limit };
  },
});
