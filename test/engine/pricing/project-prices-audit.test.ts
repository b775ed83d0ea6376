import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Failure } from "../../../src/domain/errors.ts";
import type { ProjectPrice } from "../../../src/domain/prices/project.ts";
import { createPageReads } from "../../../src/engine/page-reads.ts";
import { createPriceBooks } from "../../../src/engine/pricing/price-books.ts";
import { createProjectPriceList, type ProjectPriceList } from "../../../src/engine/pricing/project-prices.ts";
import { createReader } from "../../../src/engine/read/reader.ts";
import { openPostgres } from "../../../src/store/database.ts";
import { migrate } from "../../../src/store/migrate.ts";
import { createStore, type Store } from "../../../src/store/store.ts";
import { auditLog, storeThatLosesAnswer } from "../../support/audit.ts";
import { type Inside, startInside } from "../../support/engine.ts";
import { startPostgres } from "../../support/postgres.ts";

const PRICES_MAX = 2;
const ACTOR = "key:123";

const priceOf = (usd: string, model = "m"): ProjectPrice => ({
  model,
  rates: [{ dimension: "input", usd, per: 1_000_000 }],
});
/** The price as the audit log has it. */
const audited = (usd: string) => ({
  rates: [
    {
      dimension: "input",
      usd,
      per: "1000000",
      service_tier: "SERVICE_TIER_STANDARD",
      above_input_tokens: "0",
    },
  ],
});
const listOn = (store: Store): ProjectPriceList =>
  createProjectPriceList({
    store,
    books: createPriceBooks({ store, pricesMax: PRICES_MAX, refreshMs: 0 }),
    pageReads: createPageReads(),
    pricesMax: PRICES_MAX,
  });
const failsWith = (reason: string) => (thrown: unknown) =>
  thrown instanceof Failure && thrown.error.reason === reason;

describe("the audit log of prices", () => {
  let inside: Inside;
  let prices: ProjectPriceList;
  before(async () => {
    inside = await startInside();
    prices = listOn(inside.store);
  });
  after(() => inside[Symbol.asyncDispose]());

  const logOf = async (project: string) =>
    (await auditLog(inside, project)).map(({ actor, action, subject, before, after }) => [
      actor,
      `${action} ${subject}`,
      before,
      after,
    ]);

  it("says who set and deleted a price, and which price was there before and after", async () => {
    const project = "changes";
    const { updatedAtUs } = await prices.set(project, priceOf("0.1"), ACTOR);
    await prices.set(project, priceOf("0.2"), "local");
    await prices.set(project, priceOf("0.2"), "local");
    await prices.remove(project, "m", ACTOR);
    assert.deepEqual(await logOf(project), [
      [ACTOR, "SET_MODEL_PRICE m", undefined, audited("0.1")],
      ["local", "SET_MODEL_PRICE m", audited("0.1"), audited("0.2")],
      [ACTOR, "DELETE_MODEL_PRICE m", audited("0.2"), undefined],
    ]);
    assert.equal((await auditLog(inside, project))[0]?.createdAtUs, updatedAtUs);
  });

  it("has nothing of a price that was refused, or that did not exist", async () => {
    const project = "refused";
    for (const model of ["a", "b"]) await prices.set(project, priceOf("1", model), ACTOR);
    await assert.rejects(prices.set(project, priceOf("1", "c"), ACTOR), failsWith("PRICES_FULL"));
    await assert.rejects(prices.remove(project, "c", ACTOR), failsWith("PRICE_NOT_FOUND"));
    assert.equal((await logOf(project)).length, 2);
  });

  it("has one entry of a change whose answer to COMMIT was lost", async () => {
    const project = "lost";
    const losing = () => listOn(storeThatLosesAnswer(inside, async () => {}));
    await losing().set(project, priceOf("1"), ACTOR);
    // The deletion runs again, and does not find its price.
    await assert.rejects(losing().remove(project, "m", ACTOR), failsWith("PRICE_NOT_FOUND"));
    assert.deepEqual(
      (await logOf(project)).map(([, action]) => action),
      ["SET_MODEL_PRICE m", "DELETE_MODEL_PRICE m"],
    );
  });

  it("is a chain when calls meet: each entry begins with the price that the one before has left", async () => {
    await using stack = new AsyncDisposableStack();
    const postgres = stack.use(await startPostgres());
    const url = await postgres.createDatabase();
    const onIdleError = (error: Error) => assert.fail(error);
    const database = stack.use(openPostgres({ url, connectionsMax: 8, timeoutMs: 60_000, onIdleError }));
    await migrate(database);
    const store = createStore({ database, retryMsMax: 10_000 });
    const list = listOn(store);
    const reader = createReader({
      store,
      engine: { endExpired: async () => 0 },
      pageReads: createPageReads(),
    });
    for (const project of ["one", "two", "three"]) {
      await Promise.all(
        Array.from({ length: 8 }, (_, index) => list.set(project, priceOf(`${index}`), ACTOR)),
      );
      const log = await auditLog({ reader }, project);
      assert.equal(log.length, 8);
      assert.deepEqual(
        log.map(({ before }) => before),
        [undefined, ...log.slice(0, -1).map(({ after }) => after)],
      );
    }
  });
});
