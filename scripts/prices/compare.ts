import { divideBy, type Fraction, fromNumber, multiply, toDecimalText } from "../../src/domain/decimal.ts";
import { type Dimension, type ModelRates, rateFor } from "../../src/domain/prices/rates.ts";
import type { PriceLayer } from "../../src/domain/prices.ts";

const COMPARED = ["input", "output", "cacheRead", "cacheWrite"] as const satisfies readonly Dimension[];
const MILLION = 1_000_000;

/** One rate that differs between two sources, in USD per million tokens. */
export interface Difference {
  /** The name of the model in the file. `genaiModel` is its name in genai-prices. */
  model: string;
  genaiModel: string;
  dimension: Dimension;
  /** The rate applies to requests with more input tokens than this. 0 means every request. */
  above: number;
  fileUsd: string;
  genaiUsd: string;
}

export interface Comparison {
  onlyFile: string[];
  onlyGenai: string[];
  /** The number of models in the file that genai-prices knows too. */
  both: number;
  differences: Difference[];
  /** The number of models in both for which only one source gives a rate. These rates are not compared. */
  givenByOne: Record<(typeof COMPARED)[number], number>;
}

/**
 * Compares the standard rates of two sources at an instant, at every request length at which one of them changes a
 * rate. Models are looked up as a price book does it, so every difference found is one that callers would notice.
 */
export function compare(file: PriceLayer, genai: PriceLayer, at: Date): Comparison {
  const result: Comparison = {
    onlyFile: [],
    onlyGenai: genai.names().filter((name) => file.find(name, at) === undefined),
    both: 0,
    differences: [],
    givenByOne: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  };
  for (const model of file.names()) {
    const ours = file.find(model, at);
    const theirs = genai.find(model, at);
    if (ours === undefined || theirs === undefined) {
      result.onlyFile.push(model);
      continue;
    }
    result.both++;
    for (const dimension of COMPARED) {
      const given = [ours, theirs].filter(({ rates }) => rates.standard[dimension] !== undefined).length;
      if (given === 1) result.givenByOne[dimension]++;
      const found = differencesIn(dimension, ours.rates, theirs.rates);
      result.differences.push(
        ...found.map((each) => ({ model, genaiModel: theirs.matchedModel, dimension, ...each })),
      );
    }
  }
  return result;
}

type Pair = Pick<Difference, "above" | "fileUsd" | "genaiUsd">;

function differencesIn(dimension: Dimension, file: ModelRates, genai: ModelRates): Pair[] {
  const pairs: Pair[] = [];
  for (const above of lengths(dimension, file, genai)) {
    const [ours, theirs] = [rateAt(file, dimension, above), rateAt(genai, dimension, above)];
    if (ours === undefined || theirs === undefined || !differ(ours, theirs)) continue;
    const pair = { above, fileUsd: toDecimalText(ours), genaiUsd: toDecimalText(theirs) };
    const last = pairs.at(-1);
    if (last?.fileUsd !== pair.fileUsd || last.genaiUsd !== pair.genaiUsd) pairs.push(pair);
  }
  return pairs;
}

const lengths = (dimension: Dimension, ...rates: readonly ModelRates[]): number[] =>
  [
    ...new Set([
      0,
      ...rates.flatMap((each) => (each.standard[dimension]?.steps ?? []).map(({ above }) => above)),
    ]),
  ].toSorted((a, b) => a - b);

/** The rate slightly above a step, because sources write the same step as 200000, 199999 or "200k". */
function rateAt(rates: ModelRates, dimension: Dimension, above: number): Fraction | undefined {
  const found = rateFor(rates.standard[dimension], Math.ceil(above * 1.03));
  return found && divideBy(multiply(found.rate.usd, fromNumber(MILLION)), BigInt(found.rate.per));
}

/** Whether two rates differ by more than 1% of the larger one. */
function differ(a: Fraction, b: Fraction): boolean {
  const [left, right] = [a.numerator * b.denominator, b.numerator * a.denominator];
  const [small, large] = left < right ? [left, right] : [right, left];
  return (large - small) * 100n > large;
}
