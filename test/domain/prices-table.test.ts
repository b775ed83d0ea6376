import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { acceptPriceFile, createPriceBook, priceLayers } from "../../src/domain/prices.ts";
import { ROWS as GENAI_ROWS } from "../fixtures/prices/genai-prices.ts";
import { ROWS as FILE_ROWS } from "../fixtures/prices/price-file.ts";
import { sampleText } from "./prices-sample.ts";

/** The time of the calls in rows without a time, because prices change with time. */
const USUALLY = "2026-06-01T12:00:00Z";

const verdict = acceptPriceFile(undefined, sampleText());
assert.ok(verdict.ok);

const BOOKS = [
  { name: "genai-prices", book: createPriceBook(), rows: GENAI_ROWS },
  {
    name: "a price file, and genai-prices after it",
    book: createPriceBook(priceLayers({ file: verdict.file })),
    rows: FILE_ROWS,
  },
];

for (const { name, book, rows } of BOOKS) {
  describe(name, () => {
    for (const [model, usage, costNanoUsd, because, at = USUALLY] of rows) {
      test(`${model} ${JSON.stringify(usage)} costs ${costNanoUsd} (${because})`, () => {
        assert.equal(book.priceUsage(model, usage, new Date(at)).costNanoUsd, costNanoUsd);
      });
    }
  });
}
