/** Timers of Node.js that are longer than this fire at once: 24.8 days are as good as any longer time. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000 };

/** A value of `grpc-timeout` that a timer can have: up to 8 digits and a unit, as gRPC defines it. Others stay as they are. */
export function grpcTimeout(value: string): string {
  const [, count, unit = ""] = /^(\d{1,8})([HMS])$/.exec(value) ?? [];
  const ms = Number(count) * (UNITS_MS[unit] ?? 0);
  return ms > TIMEOUT_MS_MAX ? `${Math.floor(TIMEOUT_MS_MAX / 1000)}S` : value;
}

/** The same for `connect-timeout-ms`. */
export const connectTimeout = (value: string): string =>
  /^\d{1,10}$/.test(value) ? String(Math.min(Number(value), TIMEOUT_MS_MAX)) : value;
