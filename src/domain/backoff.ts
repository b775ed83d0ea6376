/**
 * How long to pause before the next attempt: twice as long each time, up to `longestMs`.
 *
 * @param attempt How many attempts have failed before this one.
 * @param random From 0 to 1. A pause is at least half as long as it can be, and this decides about the other half, so that
 *   callers that failed together do not try again together.
 */
export const backoffMs = (
  attempt: number,
  { firstMs, longestMs }: { firstMs: number; longestMs: number },
  random: number,
): number => Math.min(firstMs * 2 ** attempt, longestMs) * (0.5 + random / 2);
