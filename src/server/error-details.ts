import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/es/google/rpc/error_details_pb.ts";
import { type BudgetError, describe, type Refusal } from "../domain/errors.ts";
import { formatUsd } from "../domain/money.ts";

/**
 * The google.rpc details of an error. gRPC sends them, with the message, in an HTTP header, and common clients refuse
 * headers above 8 KB. So every text is bounded, and all of them together stay below 4 KB in base64.
 */

export const ERROR_DOMAIN = "budget.v1";

/** The most bytes of one text of an error. Names have at most 256 bytes, so this limit truncates only descriptions. */
const TEXT_BYTES_MAX = 512;
/** The most bytes of all levels of a refused reservation. The level that refused is always included. */
const LEVELS_BYTES_MAX = 1000;

export interface ErrorDetail<Desc extends DescMessage = DescMessage> {
  desc: Desc;
  value: MessageInitShape<Desc>;
}

const detail = <Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>): ErrorDetail => ({
  desc,
  value,
});

/** The error as one sentence for people, bounded. */
export const messageOf = (error: BudgetError): string => bounded(describe(error));

export function detailsOf(error: BudgetError): ErrorDetail[] {
  const quota = "levels" in error ? quotaOf(error) : undefined;
  const metadata = metadataOf(error);
  if (quota !== undefined && quota.omitted > 0) metadata["levels_omitted"] = String(quota.omitted);
  const details = [detail(ErrorInfoSchema, { domain: ERROR_DOMAIN, reason: error.reason, metadata })];
  if (error.reason === "INVALID_FIELD") {
    const violation = { field: bounded(error.field), description: bounded(error.description) };
    details.push(detail(BadRequestSchema, { fieldViolations: [violation] }));
  }
  if (quota !== undefined) details.push(detail(QuotaFailureSchema, { violations: quota.violations }));
  if ("retryAfterMs" in error && error.retryAfterMs !== undefined) {
    details.push(detail(RetryInfoSchema, { retryDelay: durationOf(error.retryAfterMs) }));
  }
  return details;
}

/** The violations of a refused reservation: the level that refused, and then as many of the other levels as fit. */
function quotaOf(error: BudgetError & Refusal) {
  const violations = error.levels
    .toSorted((a, b) => Number(b.user === error.user) - Number(a.user === error.user))
    .map(({ user, remainingNanoUsd }) => ({
      subject: `budget:${error.project}/${user}`,
      description: `${formatUsd(remainingNanoUsd)} remaining, ${formatUsd(error.amountNanoUsd)} requested`,
    }));
  let bytes = 0;
  const fitting = violations.filter(({ subject, description }, index) => {
    bytes += Buffer.byteLength(subject) + Buffer.byteLength(description);
    return index === 0 || bytes <= LEVELS_BYTES_MAX;
  });
  return { violations: fitting, omitted: violations.length - fitting.length };
}

/**
 * Converts milliseconds, which may have a fraction, to a Duration. Nanoseconds are rounded up, so that a caller does
 * not retry too early.
 */
function durationOf(ms: number): { seconds: bigint; nanos: number } {
  const ns = BigInt(Math.ceil(Math.max(0, ms) * 1_000_000));
  return { seconds: ns / 1_000_000_000n, nanos: Number(ns % 1_000_000_000n) };
}

/** All values of the error, each under its snake_case name. */
function metadataOf(error: BudgetError): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(error)) {
    if (name === "reason" || name === "levels" || value === undefined) continue;
    const key = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (Array.isArray(value))
      value.forEach((item, index) => (metadata[`${key}_${index + 1}`] = bounded(String(item))));
    else metadata[key] = bounded(String(value));
  }
  return metadata;
}

/** Truncates a text to TEXT_BYTES_MAX. The result is well-formed, since protobuf strings must be valid Unicode. */
function bounded(text: string): string {
  const whole = text.toWellFormed();
  if (Buffer.byteLength(whole) <= TEXT_BYTES_MAX) return whole;
  // `encodeInto` writes no partial character.
  const { read } = new TextEncoder().encodeInto(whole, new Uint8Array(TEXT_BYTES_MAX - ELLIPSIS.length));
  return `${whole.slice(0, read)}${ELLIPSIS}`;
}

const ELLIPSIS = "...";
