/** A token bucket: up to `atOnce` tokens, to which `perSecond` are added each second. */
export interface Bucket {
  /** Takes a token, if there is one. */
  take(nowMs: number): boolean;
  /** Milliseconds until there is a token. 0: there is one. */
  waitMs(nowMs: number): number;
}

const MS = 1000;

export function createBucket(rate: { perSecond: number; atOnce: number }, createdMs: number): Bucket {
  const { perSecond, atOnce } = rate;
  let tokens = atOnce;
  let filledMs = createdMs;
  const fill = (nowMs: number): void => {
    tokens = Math.min(atOnce, tokens + ((nowMs - filledMs) / MS) * perSecond);
    filledMs = nowMs;
  };
  return {
    take(nowMs) {
      fill(nowMs);
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    waitMs(nowMs) {
      fill(nowMs);
      return tokens >= 1 ? 0 : Math.max(1, Math.ceil(((1 - tokens) / perSecond) * MS));
    },
  };
}
