import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { OnExpiry } from "../../../gen/es/budget/v1/reservation_pb.ts";
import { backoffMs } from "../../domain/backoff.ts";
import type { NanoUsd } from "../../domain/money.ts";
import type { PurserClient } from "../connect.ts";
import { BudgetExceededError, exceededFrom, isUnavailable, PurserUnavailableError } from "../errors.ts";
import type { Call } from "./request.ts";

/** Whose budget pays. */
export interface Account {
  client: PurserClient;
  project: string;
  user: string;
}

export interface HoldOptions {
  /** How long Purser may take to answer, tries included. */
  timeoutMs: number;
  /** How long a hold lasts whose caller dies. */
  holdMs: number;
  onExpiry: "release" | "charge";
  onUnavailable: "fail" | "allow";
}

/** What is held for a call. */
export interface Hold {
  /** The reservation. Where Purser did not answer, nobody knows whether there is one. */
  reservationId: string;
  /** What Purser said; undefined where it did not answer, and the call is allowed all the same. */
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
 * Holds the worst case of a call. Throws BudgetExceededError; PurserUnavailableError, unless calls are allowed then; what
 * the signal was aborted with; and for any other refusal Purser's own ConnectError.
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
  // Only the server knows how long one answer can get, and it has said so now.
  await release(account, hold, options);
  return reserve(asked, hold.reserved.maxOutputTokens * answers);
}

/** Gives a hold back, as nothing was spent. Tried once: what is not given back runs out by itself. Never rejects. */
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
    // It may have been made all the same.
    if (isAway || signal?.aborted === true) void release(account, { reservationId }, options);
    signal?.throwIfAborted();
    if (isAway && options.onUnavailable === "allow") return { reservationId, reserved: undefined };
    throw isAway ? new PurserUnavailableError(UNAVAILABLE, { cause: error }) : await refusal(account, error);
  }
}

const UNAVAILABLE = "Purser cannot be reached, and the call was not made";
const DELAY = { firstMs: 50, longestMs: 1_000 };

/** Asks again, with the same id, as long as Purser is away and there is time. A call that is allowed then does not wait. */
async function persistently(
  asked: Asked,
  requestId: string,
  maxOutputTokens: bigint | undefined,
): Promise<Reserved> {
  const { timeoutMs, onUnavailable } = asked.options;
  const end = performance.now() + timeoutMs;
  for (let attempt = 0; ; attempt++) {
    const delayMs = backoffMs(attempt, DELAY, Math.random());
    try {
      return await reserveOnce(asked, requestId, maxOutputTokens, end - performance.now());
    } catch (thrown) {
      const isLast = onUnavailable === "allow" || performance.now() + delayMs >= end;
      if (isLast || !isUnavailable(ConnectError.from(thrown))) throw thrown;
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

/** What to throw for a refusal. */
async function refusal({ client, project, user }: Account, error: ConnectError): Promise<Error> {
  const exceeded = exceededFrom(user, error);
  if (exceeded === undefined) return error;
  const { budget } = await client
    .getBudget({ project, user: exceeded.refusedBy })
    .catch(() => ({ budget: undefined }));
  const totalNanoUsd = budget?.totalBudgetNanoUsd;
  return new BudgetExceededError({ ...exceeded, totalNanoUsd });
}
