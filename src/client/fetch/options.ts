import type { FetchInput } from "./body.ts";

/** The options of budgetFetch. The defaults are set in {@link withDefaults}. */
export interface FetchOptions {
  /** While Purser cannot be reached: "fail" the call, or "allow" it and charge it later. Default: "fail". */
  onUnavailable?: "fail" | "allow" | undefined;
  /** The maximum number of charges that wait for Purser. When it is reached, all calls fail. Default: 1000. */
  queueMax?: number | undefined;
  /**
   * Called with the error if Purser refused a charge, which is then lost. A charge is also refused if the key was revoked
   * or has expired. Default: emits a process warning.
   */
  onLost?: ((error: unknown) => void) | undefined;
  /** The time limit for Purser's answer, in milliseconds. Default: 10000. */
  timeoutMs?: number | undefined;
  /**
   * How long a hold lasts if its call is never charged, because its process died. In milliseconds, at most 24 hours.
   * Default: 15 minutes.
   */
  holdMs?: number | undefined;
  /** How such a hold ends: it is released, or charged in full. Default: "release". */
  onExpiry?: "release" | "charge" | undefined;
  /**
   * Whether to request the usage of streams with `stream_options`. Set false for providers that refuse it. Default:
   * true.
   */
  streamUsage?: boolean | undefined;
  /** Requests that name a model on an unknown path: "pass" them without a budget, or "refuse" them. Default: "pass". */
  onUnknown?: "pass" | "refuse" | undefined;
  /** Whether to charge the cost that the response reports, as OpenRouter's does. Default: false. */
  useReportedCost?: boolean | undefined;
  /** The function that sends the requests. Default: the global fetch. */
  fetch?: ((input: FetchInput, init?: RequestInit) => Promise<Response>) | undefined;
}

export type FetchSettings = { [Name in keyof FetchOptions]-?: NonNullable<FetchOptions[Name]> };

const HOLD_MS_MAX = 24 * 60 * 60 * 1000;
const TIMEOUT_MS_MAX = 10 * 60 * 1000;
const QUEUE_MAX = 1_000_000;

/** @throws RangeError that names the option */
export function withDefaults(options: FetchOptions): FetchSettings {
  return {
    onUnavailable: options.onUnavailable ?? "fail",
    queueMax: wholeNumber("queueMax", options.queueMax ?? 1000, QUEUE_MAX),
    onLost: options.onLost ?? warn,
    timeoutMs: wholeNumber("timeoutMs", options.timeoutMs ?? 10_000, TIMEOUT_MS_MAX),
    holdMs: wholeNumber("holdMs", options.holdMs ?? 15 * 60 * 1000, HOLD_MS_MAX),
    onExpiry: options.onExpiry ?? "release",
    streamUsage: options.streamUsage ?? true,
    onUnknown: options.onUnknown ?? "pass",
    useReportedCost: options.useReportedCost ?? false,
    // Looked up at each call, because other code may replace the global fetch later.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
  };
}

function wholeNumber(name: string, value: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(`${name} must be a whole number from 1 to ${max}, not ${value}`);
}

const warn = (error: unknown): void =>
  process.emitWarning(`a charge was lost, because Purser refused it: ${String(error)}`, "PurserWarning");
