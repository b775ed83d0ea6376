import type { NanoUsd } from "./money.ts";
import type { InstantUs } from "./period.ts";

/** The amounts spent, by model. An absent model spent nothing. */
export type Costs = ReadonlyMap<string, NanoUsd>;

/**
 * The state kept for one user's record in one session: the part of the record that already became entries and settings.
 */
export interface Memory {
  /** The largest costs that the record reported since it last started from zero. */
  costs: Costs;
  /** The time at which `costs` last rose or last started from zero. */
  raisedUs: InstantUs;
  /** The time at which `costs` last started from zero. Undefined if this has not happened. */
  begunUs: InstantUs | undefined;
  /**
   * The costs right before the last start from zero. Used if nothing else in the record distinguishes older posts from
   * newer ones.
   */
  costsBefore: Costs;
  /** How many times `costs` started from zero. */
  beginnings: number;
  /** The record's own clock. The client advances it when it resets the record at the end of the duration. */
  lastUpdatedUs: InstantUs | undefined;
  /** Undefined if the client created the record and its total has not been applied yet. */
  totalNanoUsd: NanoUsd | undefined;
  durationDays: number | undefined;
}
