import type { Usage } from "../../src/domain/usage.ts";

/**
 * What a call costs, by hand: the model, the usage, the cost in nano-USD, and how it comes about: the sum, and where its
 * rates are from. A dollar per million tokens is 1,000 nano-USD a token. Last, when the call was, where that matters.
 */
export type CostRow = readonly [
  model: string,
  usage: Usage,
  costNanoUsd: bigint,
  because: string,
  at?: string,
];
