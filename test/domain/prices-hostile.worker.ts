import assert from "node:assert/strict";
import { parentPort } from "node:worker_threads";
import { Failure } from "../../src/domain/errors.ts";
import { acceptPriceFile, createPriceBook, type PriceBook } from "../../src/domain/prices.ts";
import { sampleText } from "./prices-sample.ts";

const verdict = acceptPriceFile(undefined, sampleText());
assert.ok(verdict.ok);
const books: readonly PriceBook[] = [createPriceBook(), createPriceBook([verdict.file.layer])];

/** The entry that a book finds for a name, or undefined. */
function matched(book: PriceBook, model: string): string | undefined {
  try {
    return book.priceUsage(model, { inputTokens: 1 }).matchedModel;
  } catch (error) {
    if (error instanceof Failure && error.error.reason === "UNPRICED_MODEL") return undefined;
    throw error;
  }
}

parentPort?.on("message", (model: string) => {
  parentPort?.postMessage(books.map((book) => matched(book, model)));
});
