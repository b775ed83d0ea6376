import type { FetchInput } from "./body.ts";

/** How budgetFetch behaves; every default is in {@link withDefaults}. */
export interface FetchOptions {
  /** What to do while Purser cannot be reached: fail the call, or let it through and charge it later. "fail". */
  onUnavailable?: "fail" | "allow" | undefined;
  /** Charges that may wait for Purser. When as many do, calls fail, allowed or not. 1000. */
  queueMax?: number | undefined;
  /** Told of a charge that Purser refused and that is lost. By default it is a warning of the process. */
  onLost?: ((error: unknown) => void) | undefined;
  /** How long Purser may take to answer, in milliseconds. 10000. */
  timeoutMs?: number | undefined;
  /** How long a hold lasts whose call was never settled, as its process died. In milliseconds, at most 24 hours. 15 minutes. */
  holdMs?: number | undefined;
  /** What becomes of such a hold: given back, or charged in full. "release". */
  onExpiry?: "release" | "charge" | undefined;
  /** Whether to ask for the usage of streams with `stream_options`. Off for providers that refuse the field. true. */
  streamUsage?: boolean | undefined;
  /** Requests that name a model, on paths that are not known: send them without a budget, or not at all. "pass". */
  onUnknown?: "pass" | "refuse" | undefined;
  /** Whether to charge what the response itself says it cost, as OpenRouter's do. false. */
  useReportedCost?: boolean | undefined;
  /** What sends the requests. The global fetch. */
  fetch?: ((input: FetchInput, init?: RequestInit) => Promise<Response>) | undefined;
}

export type FetchSettings = { [Name in keyof FetchOptions]-?: NonNullable<FetchOptions[Name]> };

const HOLD_MS_MAX = 24 * 60 * 60 * 1000;
const TIMEOUT_MS_MAX = 10 * 60 * 1000;
const QUEUE_MAX = 1_000_000;

/** Throws a RangeError that names the option. */
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
    // Looked up at each call: others may wrap the global one later.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
  };
}

function wholeNumber(name: string, value: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(`${name} must be a whole number from 1 to ${max}, not ${value}`);
}

const warn = (error: unknown): void =>
  process.emitWarning(`a charge was lost, as Purser refused it: ${String(error)}`, "PurserWarning");
