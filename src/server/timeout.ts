/** The longest delay of a Node.js timer (24.8 days). A timer with a longer delay would fire at once. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000 };

/**
 * Limits a value of `grpc-timeout` (up to 8 digits and a unit, as gRPC defines it) to TIMEOUT_MS_MAX. Other values are
 * unchanged.
 */
export function grpcTimeout(value: string): string {
  const [, count, unit = ""] = /^(\d{1,8})([HMS])$/.exec(value) ?? [];
  const ms = Number(count) * (UNITS_MS[unit] ?? 0);
  return ms > TIMEOUT_MS_MAX ? `${Math.floor(TIMEOUT_MS_MAX / 1000)}S` : value;
}

/** Whether a value of `grpc-timeout` has the form that gRPC defines: up to 8 digits and a unit. */
export const isGrpcTimeout = (value: string): boolean => /^\d{1,8}[HMSmun]$/.test(value);

/** Limits a value of `connect-timeout-ms` to TIMEOUT_MS_MAX. Values that are not numbers are unchanged. */
export const connectTimeout = (value: string): string =>
  /^\d{1,10}$/.test(value) ? String(Math.min(Number(value), TIMEOUT_MS_MAX)) : value;
