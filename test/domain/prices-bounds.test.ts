import assert from "node:assert/strict";
import { test } from "node:test";
import {
  acceptPriceFile,
  checkProjectRates,
  createPriceBook,
  DIMENSIONS,
  type PriceFile,
  type PriceFileVerdict,
} from "../../src/domain/prices.ts";
import { sampleText } from "./prices-sample.ts";

/** The JSON text of a file with 50 good models, and further members given as text. */
function fileText(...members: string[]): string {
  const good = Array.from({ length: 50 }, (_, index) => `"good-${index}":{"input_cost_per_token":1e-6}`);
  return `{${[...good, ...members].join(",")}}`;
}

function accepted(verdict: PriceFileVerdict): PriceFile {
  assert.ok(verdict.ok, verdict.ok ? "" : verdict.why);
  return verdict.file;
}

const read = (...members: string[]): PriceFile => accepted(acceptPriceFile(undefined, fileText(...members)));

/** Why a model with this member is left out, or undefined. */
const whyLeftOut = (member: string): string | undefined =>
  read(`"bad":{"mode":"chat",${member}}`).leftOut.find(({ model }) => model === "bad")?.why;

test("a file without any usable price does not replace a good one, and the refusal names entries", () => {
  const good = accepted(acceptPriceFile(undefined, sampleText()));
  const broken = JSON.stringify(
    Object.fromEntries([...good.models].map((model) => [model, { input_cost_per_token: "broken" }])),
  );
  const verdict = acceptPriceFile(good, broken);
  assert.ok(!verdict.ok);
  assert.match(
    verdict.why,
    /^it has 0 models with a usable price, fewer than 50; left out: "[^"]+": input_cost_per_token is "broken"/,
  );
  assert.ok(verdict.why.length < 2000);
});

test("models without a price do not count as usable", () => {
  const unpriced = JSON.stringify(
    Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`m-${index}`, { mode: "chat" }])),
  );
  const verdict = acceptPriceFile(undefined, unpriced);
  assert.ok(!verdict.ok);
  assert.equal(verdict.why, "it has 0 models with a usable price, fewer than 50");
});

test("a file that breaks more than half of the prices in use is refused", () => {
  const models = (usable: number): string =>
    JSON.stringify(
      Object.fromEntries(
        Array.from({ length: 200 }, (_, index) => [
          `m-${index}`,
          { input_cost_per_token: index < usable ? 1e-6 : 1e300 },
        ]),
      ),
    );
  const old = accepted(acceptPriceFile(undefined, models(200)));
  assert.ok(acceptPriceFile(old, models(100)).ok);
  const verdict = acceptPriceFile(old, models(99));
  assert.ok(!verdict.ok);
  assert.match(verdict.why, /^it lacks 101 of the 200 priced models of the file in use; left out: "m-99": /);
});

test("a rate above 1 USD per token is left out, and the reason names the field", () => {
  assert.equal(whyLeftOut(`"input_cost_per_token":1`), undefined);
  assert.equal(
    whyLeftOut(`"input_cost_per_token":1.0000001`),
    "input_cost_per_token is 1.0000001, above 1 USD per token",
  );
  assert.equal(
    whyLeftOut(`"output_cost_per_token":1e300`),
    "output_cost_per_token is 1e+300, above 1 USD per token",
  );
  assert.equal(
    whyLeftOut(`"tiered_pricing":[{"range":[0,1000],"input_cost_per_token":2}]`),
    "input_cost_per_token is 2, above 1 USD per token",
  );
  assert.match(whyLeftOut(`"search_context_cost_per_query":1e6`) ?? "", /above 1000 USD per query/);
  assert.match(whyLeftOut(`"output_cost_per_image":1e6`) ?? "", /above 1000 USD per image/);
  assert.match(whyLeftOut(`"input_cost_per_second":1e6`) ?? "", /above 1000 USD per second/);
});

test("an invalid price is left out, with the reason", () => {
  for (const [value, shown] of [
    ["-1e-6", "-0.000001"],
    ["1e400", "Infinity"],
    ["-1e400", "-Infinity"],
    [`"NaN"`, `"NaN"`],
    [`"Infinity"`, `"Infinity"`],
    [`"1e999"`, `"1e999", above 1 USD per token`],
    [`"cheap"`, `"cheap"`],
    [`""`, `""`],
    [`" 1e-6"`, `" 1e-6"`],
    ["true", "true"],
    [`{"usd":1}`, "an object"],
    ["[1e-6]", "a list"],
    [`"${"9".repeat(1_000_000)}"`, `"${"9".repeat(40)}..."`],
    ["[".repeat(200_000) + "]".repeat(200_000), "a list"],
  ] as const) {
    assert.equal(
      whyLeftOut(`"input_cost_per_token":${value}`),
      `input_cost_per_token is ${shown}`,
      value.slice(0, 40),
    );
  }
});

test("a price that a number would round to zero does not become free", () => {
  const why = "above 0 and below 1e-18 USD per token";
  assert.equal(whyLeftOut(`"input_cost_per_token":1e-400`), `input_cost_per_token is "1e-400", ${why}`);
  assert.equal(whyLeftOut(`"input_cost_per_token":"1e-400"`), `input_cost_per_token is "1e-400", ${why}`);
  assert.equal(whyLeftOut(`"input_cost_per_token":1e-300`), `input_cost_per_token is 1e-300, ${why}`);
  assert.equal(whyLeftOut(`"input_cost_per_token":0e-400`), undefined);
  assert.equal(whyLeftOut(`"input_cost_per_token":0`), undefined);
  assert.equal(whyLeftOut(`"input_cost_per_token":-0.0`), undefined);
  assert.equal(whyLeftOut(`"input_cost_per_token":1e-18`), undefined);
});

test("the number of fields and tiers of an entry, and their lengths, are bounded", () => {
  const fields = Array.from({ length: 1000 }, (_, n) => `"input_cost_per_token_above_${n}_tokens":1e-6`);
  assert.equal(whyLeftOut(fields.join(",")), "it has 1001 fields, more than 300");
  const tiers = Array.from(
    { length: 101 },
    (_, n) => `{"range":[${n},${n + 1}],"input_cost_per_token":1e-6}`,
  );
  assert.equal(
    whyLeftOut(`"tiered_pricing":[${tiers.join(",")}]`),
    "tiered_pricing has 101 tiers, more than 100",
  );
  assert.match(
    whyLeftOut(`"input_cost_per_token_above_${"9".repeat(400)}_tokens":1e-6`) ?? "",
    /^input_cost_per_token_above_9{20,200}\.\.\. has a length that is not an integer up to 2\^53-1$/,
  );
});

test("names with a meaning in JavaScript are ordinary names", () => {
  const file = read(
    `"__proto__":{"input_cost_per_token":2e-6}`,
    `"constructor":{"input_cost_per_token":3e-6}`,
    `"toString":{"__proto__":{"input_cost_per_token":4e-6},"mode":"chat"}`,
  );
  const book = createPriceBook([file.layer]);
  assert.equal(book.priceUsage("__proto__", { inputTokens: 1 }).costNanoUsd, 2000n);
  assert.equal(book.priceUsage("constructor", { inputTokens: 1 }).costNanoUsd, 3000n);
  assert.throws(() => book.priceUsage("toString", { inputTokens: 1 }));
  assert.equal(({} as Record<string, unknown>)["input_cost_per_token"], undefined);
});

test("the last of several entries with the same name applies, as in JSON", () => {
  const file = read(`"twice":{"input_cost_per_token":1e-6}`, `"twice":{"input_cost_per_token":2e-6}`);
  const book = createPriceBook([file.layer]);
  assert.equal(book.priceUsage("twice", { inputTokens: 1 }).costNanoUsd, 2000n);
});

test("every dimension has a highest rate", () => {
  for (const dimension of DIMENSIONS) {
    assert.equal(checkProjectRates([{ dimension, usd: "1", per: 1 }], "rates"), undefined, dimension);
    const error = checkProjectRates([{ dimension, usd: "1001", per: 1 }], "rates");
    assert.ok(error?.reason === "INVALID_FIELD", dimension);
    assert.equal(error.field, "rates[0].usd");
    assert.match(error.description, /^is above 10*( USD per [a-z]+)$/);
  }
});
