/** A token bucket: up to `atOnce` tokens, to which `perSecond` are added each second. */
export interface Bucket {
  /** Takes a token, if there is one. */
  take(nowMs: number): boolean;
  /** Takes a token even if there is none. Then the next tokens pay for it, up to `atMost` of them. */
  owe(nowMs: number, atMost: number): void;
  /** Milliseconds until there is a token. 0: there is one. */
  waitMs(nowMs: number): number;
}

const MS = 1000;
/** What is missing to a whole token may be an error of rounding. */
const WHOLE = 1 - 1e-6;

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
      if (tokens < WHOLE) return false;
      tokens -= 1;
      return true;
    },
    owe(nowMs, atMost) {
      fill(nowMs);
      tokens = Math.max(-atMost, tokens - 1);
    },
    waitMs(nowMs) {
      fill(nowMs);
      return tokens >= WHOLE ? 0 : Math.max(1, Math.ceil(((WHOLE - tokens) / perSecond) * MS));
    },
  };
}
