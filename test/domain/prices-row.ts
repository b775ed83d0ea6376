import type { Usage } from "../../src/domain/usage.ts";

/**
 * The cost of a call, computed by hand: the model, the usage, the cost in nano-USD, and why: the sum, and the source of
 * the rates. A dollar per million tokens is 1,000 nano-USD a token. The last element is the time of the call, if it
 * matters.
 */
export type CostRow = readonly [
  model: string,
  usage: Usage,
  costNanoUsd: bigint,
  because: string,
  at?: string,
];
