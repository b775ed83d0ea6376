import type { NanoUsd } from "./money.ts";
import type { InstantUs } from "./period.ts";

/** What was spent, by model. A model that is absent spent nothing. */
export type Costs = ReadonlyMap<string, NanoUsd>;

/** What is remembered of one user's record in one session: what of it has become entries and settings already. */
export interface Memory {
  /** What the record said, at most, since it last began at zero. */
  costs: Costs;
  /** When `costs` last rose, or began anew. */
  raisedUs: InstantUs;
  /** When `costs` last began anew; undefined while they never did. */
  begunUs: InstantUs | undefined;
  /** What `costs` were right before, where nothing else in the record tells posts of before from those of after. */
  costsBefore: Costs;
  /** How often `costs` began anew. */
  beginnings: number;
  /** The record's own clock: the client moves it when it resets the record because its duration has passed. */
  lastUpdatedUs: InstantUs | undefined;
  /** Undefined where the client made the record and its total is still to be looked at. */
  totalNanoUsd: NanoUsd | undefined;
  durationDays: number | undefined;
}
