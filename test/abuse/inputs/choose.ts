import type { Random } from "../../support/run.ts";
import type { Input } from "../input.ts";
import { METHODS } from "../messages.ts";
import type { World } from "../world.ts";
import { makeHttpCall } from "./connect.ts";
import { makeGrpcCall, makeGrpcGarbage } from "./grpc.ts";
import { makeLegacyPost } from "./legacy.ts";
import { makePlainRequest } from "./plain.ts";

/**
 * The share of each kind of input, in percent. A third of the inputs is valid, so that budgets and charges exist to be
 * attacked.
 */
const KINDS: readonly [parts: number, make: (by: { random: Random; world: World }) => Input][] = [
  [15, (by) => makeGrpcCall(by, by.random.pick(METHODS), "valid")],
  [15, (by) => makeHttpCall(by, by.random.pick(METHODS), "valid")],
  [4, (by) => makeLegacyPost(by, "valid")],
  [10, (by) => makeGrpcCall(by, by.random.pick(METHODS), "odd values")],
  [14, (by) => makeHttpCall(by, by.random.pick(METHODS), "odd values")],
  [5, (by) => makeLegacyPost(by, "odd values")],
  [4, (by) => makeGrpcCall(by, by.random.pick(METHODS), "changed bytes")],
  [9, (by) => makeHttpCall(by, by.random.pick(METHODS), "changed bytes")],
  [2, (by) => makeLegacyPost(by, "changed bytes")],
  [7, (by) => makeGrpcCall(by, by.random.pick(METHODS), "odd transport")],
  [9, (by) => makeHttpCall(by, by.random.pick(METHODS), "odd transport")],
  [2, (by) => makeLegacyPost(by, "odd transport")],
  [2, ({ random }) => makePlainRequest(random)],
  [2, ({ random }) => makeGrpcGarbage(random)],
];

const TOTAL = KINDS.reduce((sum, [parts]) => sum + parts, 0);

export function chooseInput(by: { random: Random; world: World }): Input {
  let left = by.random.below(TOTAL);
  for (const [parts, make] of KINDS) {
    if (left < parts) return make(by);
    left -= parts;
  }
  throw new Error("the parts add up to the total");
}
