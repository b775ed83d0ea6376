import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { OnExpiry } from "../../../gen/es/budget/v1/reservation_pb.ts";
import type { NanoUsd } from "../../domain/money.ts";
import type { PurserClient } from "../connect.ts";
import {
  BudgetExceededError,
  exceededFrom,
  isRateExceeded,
  isUnavailable,
  PurserUnavailableError,
} from "../errors.ts";
import { delayBeforeRetryMs } from "../retry-delay.ts";
import type { Call } from "./request.ts";

/** The budget that pays. */
export interface Account {
  client: PurserClient;
  project: string;
  user: string;
}

export interface HoldOptions {
  /** The time limit for Purser's answer, retries included, in milliseconds. */
  timeoutMs: number;
  /** How long a hold lasts if its caller dies, in milliseconds. */
  holdMs: number;
  onExpiry: "release" | "charge";
  onUnavailable: "fail" | "allow";
}

/** A hold for one call. */
export interface Hold {
  /** The id of the reservation. If Purser did not answer, the reservation may or may not exist. */
  reservationId: string;
  /** Purser's answer. Undefined if it did not answer and the call is allowed in that case. */
  reserved: Reserved | undefined;
}

interface Reserved {
  amountNanoUsd: NanoUsd;
  promptTokens: bigint;
  maxOutputTokens: bigint;
}

interface Asked {
  account: Account;
  call: Call;
  options: HoldOptions;
  signal: AbortSignal | undefined;
}

/**
 * Holds the maximum cost of a call. Throws BudgetExceededError; PurserUnavailableError, unless calls are allowed while
 * Purser is unavailable; the abort reason of the signal; and Purser's ConnectError for any other refusal.
 */
export async function openHold(
  account: Account,
  call: Call,
  options: HoldOptions,
  signal: AbortSignal | undefined,
): Promise<Hold> {
  const asked = { account, call, options, signal };
  const answers = BigInt(call.answers);
  const bound = call.estimate.maxOutputTokens;
  if (bound !== undefined) return reserve(asked, bound * answers);
  const hold = await reserve(asked, undefined);
  if (answers <= 1n || hold.reserved === undefined) return hold;
  // Only the server knows the maximum length of one answer, and the first hold returned it.
  await release(account, hold, options);
  return reserve(asked, hold.reserved.maxOutputTokens * answers);
}

/** Releases a hold if nothing was spent. It is tried once: otherwise the hold expires. Never rejects. */
export async function release(
  { client, project }: Account,
  { reservationId }: Pick<Hold, "reservationId">,
  { timeoutMs }: Pick<HoldOptions, "timeoutMs">,
): Promise<void> {
  await client.releaseReservation({ project, reservationId }, { timeoutMs }).catch(() => {});
}

async function reserve(asked: Asked, maxOutputTokens: bigint | undefined): Promise<Hold> {
  const { account, options, signal } = asked;
  const reservationId = randomUUID();
  try {
    return { reservationId, reserved: await persistently(asked, reservationId, maxOutputTokens) };
  } catch (thrown) {
    const error = ConnectError.from(thrown);
    const isAway = isUnavailable(error);
    // The reservation may exist even so.
    if (isAway || signal?.aborted === true) void release(account, { reservationId }, options);
    signal?.throwIfAborted();
    if (isAway && options.onUnavailable === "allow") return { reservationId, reserved: undefined };
    if (isAway) throw new PurserUnavailableError(UNAVAILABLE, { cause: error });
    throw await refusal(account, error, options);
  }
}

const UNAVAILABLE = "Purser cannot be reached, and the call was not made";
const DELAY = { firstMs: 50, longestMs: 1_000 };

/**
 * Retries with the same id while time is left: if a limit of the key is reached; and if Purser is unavailable, except with
 * `onUnavailable` "allow". A call above a limit of the key is not allowed in that case, because callers could then avoid
 * the budget with many calls.
 */
async function persistently(
  asked: Asked,
  requestId: string,
  maxOutputTokens: bigint | undefined,
): Promise<Reserved> {
  const { timeoutMs, onUnavailable } = asked.options;
  const end = performance.now() + timeoutMs;
  for (let attempt = 0; ; attempt++) {
    let delayMs: number;
    try {
      return await reserveOnce(asked, requestId, maxOutputTokens, end - performance.now());
    } catch (thrown) {
      const error = ConnectError.from(thrown);
      delayMs = delayBeforeRetryMs(error, attempt, DELAY);
      const mayPass = isRateExceeded(error) || (onUnavailable !== "allow" && isUnavailable(error));
      if (!mayPass || performance.now() + delayMs >= end) throw thrown;
    }
    await sleep(delayMs, undefined, { signal: asked.signal });
  }
}

async function reserveOnce(
  { account, call, options, signal }: Asked,
  requestId: string,
  maxOutputTokens: bigint | undefined,
  timeoutMs: number,
): Promise<Reserved> {
  const { reservation, estimate } = await account.client.reserveCost(
    {
      project: account.project,
      user: account.user,
      requestId,
      model: call.model,
      amount: { case: "estimate", value: { ...call.estimate, maxOutputTokens } },
      ttl: durationFromMs(options.holdMs),
      onExpiry: options.onExpiry === "charge" ? OnExpiry.CHARGE : OnExpiry.RELEASE,
    },
    { signal, timeoutMs: Math.max(1, Math.ceil(timeoutMs)) },
  );
  return {
    amountNanoUsd: reservation?.heldNanoUsd ?? 0n,
    promptTokens: estimate?.promptTokens ?? 0n,
    maxOutputTokens: estimate?.maxOutputTokens ?? 0n,
  };
}

/** The error to throw for a refusal. */
async function refusal(
  { client, project, user }: Account,
  error: ConnectError,
  { timeoutMs }: Pick<HoldOptions, "timeoutMs">,
): Promise<Error> {
  const exceeded = exceededFrom(user, error);
  if (exceeded === undefined) return error;
  const { budget } = await client
    .getBudget({ project, user: exceeded.refusedBy }, { timeoutMs })
    .catch(() => ({ budget: undefined }));
  const totalNanoUsd = budget?.totalBudgetNanoUsd;
  return new BudgetExceededError({ ...exceeded, totalNanoUsd });
}
