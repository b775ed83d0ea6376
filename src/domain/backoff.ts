/**
 * The pause before the next attempt, in milliseconds. It doubles with each failed attempt, up to `longestMs`.
 *
 * @param attempt The number of attempts that failed before this one.
 * @param random A number from 0 to 1. It scales the upper half of the pause, so that callers that failed at the same
 *   time do not retry at the same time.
 */
export const backoffMs = (
  attempt: number,
  { firstMs, longestMs }: { firstMs: number; longestMs: number },
  random: number,
): number => Math.min(firstMs * 2 ** attempt, longestMs) * (0.5 + random / 2);
