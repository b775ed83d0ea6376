import {
  add,
  DECIMAL_PLACES_MAX,
  divideBy,
  type Fraction,
  fromNumber,
  multiply,
  parseDecimal,
  toDecimalText,
  ZERO,
} from "../../src/domain/decimal.ts";
import type { Priced, PriceLine } from "../../src/domain/prices.ts";
import { table } from "./table.ts";

/** A price, line by line, as the ledger stores it. */
export function explain(model: string, priced: Priced): string {
  const { source, matchedModel, lines, assumed, costNanoUsd } = priced;
  const rows = lines.map(({ dimension, quantity, rateUsd, per, costUsd }) => [
    dimension,
    String(quantity),
    `${rateUsd} USD`,
    per,
    `${endless(costUsd)} USD`,
  ]);
  const sum = sumOf(lines);
  return [
    `${model} is ${matchedModel} of ${source === "file" ? "the price file" : source}`,
    "",
    ...table([["dimension", "quantity", "rate", "per", "cost"], ...rows], [1, 2]),
    "",
    `sum      ${endless(toDecimalText(sum))} USD`,
    `rounded  ${costNanoUsd} nano-USD${isWhole(sum) ? ", exactly" : ", once, half away from zero"}`,
    ...(assumed.length === 0 ? [] : ["", "assumed", ...assumed.map((sentence) => `- ${sentence}`)]),
    "",
  ].join("\n");
}

/** Computed from the rates, not the costs: a cost per hour may have no finite decimal form, but a rate has one. */
function sumOf(lines: readonly PriceLine[]): Fraction {
  return lines.reduce((sum, { quantity, rateUsd, per }) => {
    const rate = parseDecimal(rateUsd) ?? ZERO;
    return add(sum, divideBy(multiply(rate, fromNumber(quantity)), BigInt(Number.parseInt(per, 10))));
  }, ZERO);
}

/** Marks a decimal that was cut because its decimal form is infinite. */
const endless = (text: string): string =>
  (text.split(".")[1]?.length ?? 0) >= DECIMAL_PLACES_MAX ? `${text}...` : text;

const NANO = 1_000_000_000n;
const isWhole = ({ numerator, denominator }: Fraction): boolean => (numerator * NANO) % denominator === 0n;
