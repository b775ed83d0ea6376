import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/es/google/rpc/error_details_pb.ts";

/** The parts of an error that callers may depend on. */
export interface Told {
  code: keyof typeof Code;
  domain: string | undefined;
  reason: string | undefined;
  metadata: Record<string, string>;
  /** The fields of google.rpc.BadRequest. */
  fields: string[];
  retryDelayMs?: number;
}

export function told(error: ConnectError): Told {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  const delay = retry?.retryDelay;
  return {
    code: Code[error.code] as keyof typeof Code,
    domain: info?.domain,
    reason: info?.reason,
    metadata: info?.metadata ?? {},
    fields: error
      .findDetails(BadRequestSchema)
      .flatMap((detail) => detail.fieldViolations.map((violation) => violation.field)),
    ...(delay && { retryDelayMs: Number(delay.seconds) * 1000 + delay.nanos / 1_000_000 }),
  };
}

/** The budgets that google.rpc.QuotaFailure names. */
export const levelsOf = (error: ConnectError): string[] =>
  error
    .findDetails(QuotaFailureSchema)
    .flatMap((detail) => detail.violations.map((violation) => violation.subject));

/** The error that a call ends with. */
export async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof ConnectError, "the call succeeded instead of being refused");
  return outcome;
}

/** Asserts that a call is refused with this code, this reason in ErrorInfo and exactly this metadata. */
export async function assertRefused(
  call: Promise<unknown>,
  code: keyof typeof Code,
  reason: string,
  metadata: Record<string, string>,
): Promise<void> {
  assert.deepEqual(told(await errorOf(call)), { code, domain: "budget.v1", reason, metadata, fields: [] });
}

/**
 * Asserts that a call is refused with INVALID_ARGUMENT, and that ErrorInfo, BadRequest and the message name the field.
 */
export async function assertInvalid(
  call: Promise<unknown>,
  field: string,
  description?: string | RegExp,
): Promise<void> {
  const error = await errorOf(call);
  const { metadata, ...rest } = told(error);
  assert.deepEqual(rest, {
    code: "InvalidArgument",
    domain: "budget.v1",
    reason: "INVALID_FIELD",
    fields: [field],
  });
  assert.equal(metadata.field, field);
  assert.equal(error.rawMessage, `${field}: ${metadata.description}`);
  if (typeof description === "string") assert.equal(metadata.description, description);
  if (description instanceof RegExp) assert.match(metadata.description ?? "", description);
}

/** The reason of the error that a call ends with. */
export const reasonOf = async (call: Promise<unknown>): Promise<string | undefined> =>
  told(await errorOf(call)).reason;
