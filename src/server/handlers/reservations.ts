import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { EstimateSchema, ReserveCostRequest } from "../../../gen/es/budget/v1/budget_service_pb.ts";
import {
  OnExpiry as OnExpiryMessage,
  ReservationSchema,
  ReservationState as StateMessage,
} from "../../../gen/es/budget/v1/reservation_pb.ts";
import { Failure, invalidField } from "../../domain/errors.ts";
import type { OnExpiry, Reservation, ReservationState } from "../../domain/reservation.ts";
import type { Reserve } from "../../engine/commit/operation.ts";
import { makeRequestId } from "../../engine/commit/request-id.ts";
import { budgetToMessage } from "../convert.ts";
import { priceToMessage } from "../convert-cost.ts";
import {
  checkAmount,
  checkCount,
  checkName,
  checkOptionalName,
  checkPageSize,
  checkRequestId,
  toTimestamp,
} from "../fields.ts";
import { fingerprintsOfReserveCost } from "../fingerprints.ts";
import { decodePageToken, encodePageToken } from "../page-token.ts";
import type { CallContext, Handlers } from "../pipeline.ts";
import { messagesOf } from "../slices.ts";
import { checkBudgetName } from "./budgets.ts";
import { promptOf } from "./projection.ts";
import type { Services } from "./services.ts";
import { submit } from "./submit.ts";

type ReservationHandlers = Pick<
  Handlers,
  "reserveCost" | "releaseReservation" | "extendReservation" | "listReservations"
>;

/** Handlers of the methods for reservations. */
export const reservationHandlers = (services: Services): ReservationHandlers => ({
  reserveCost: async (request, context) => {
    const operation = await reserveOperation(services, request, context);
    const verdict = await submit(services, operation, context.abandoned).catch((thrown: unknown) =>
      withRetryInfo(services, thrown),
    );
    const reservation = verdict.reservation as Reservation;
    return {
      reservation: reservationToMessage(reservation),
      replayed: verdict.replayed,
      estimate: estimateToMessage(reservation),
      budget: budgetToMessage(verdict.budget),
    };
  },

  releaseReservation: async (request, context) => {
    const named = await services.reader.findReservation(checkReservationName(request));
    const verdict = await submit(services, { kind: "release", ...named }, context.abandoned);
    return { reservation: verdict.reservation && reservationToMessage(verdict.reservation) };
  },

  extendReservation: async (request, context) => {
    const name = checkReservationName(request);
    if (request.ttl === undefined) throw invalidField("ttl", "is required");
    const ttlUs = checkTtl(request.ttl);
    const named = await services.reader.findReservation(name);
    const verdict = await submit(services, { kind: "extend", ...named, ttlUs }, context.abandoned);
    return { reservation: verdict.reservation && reservationToMessage(verdict.reservation) };
  },

  listReservations: async (request) => {
    const project = checkName("project", request.project);
    const user = checkOptionalName("user", request.user);
    const state = stateFromMessage(request.state);
    const limit = checkPageSize(request.pageSize);
    const scope = ["ListReservations", project, request.user, request.state];
    const [after] = decodePageToken(scope, request.pageToken, "text") ?? [];
    const { items, more } = await services.reader.listReservations({ project, user, state, after, limit });
    return {
      reservations: await messagesOf(ReservationSchema, items, reservationToMessage),
      nextPageToken: more ? encodePageToken(scope, [items.at(-1)?.reservationId ?? ""]) : "",
    };
  },
});

const checkReservationName = (request: { project: string; reservationId: string }) => {
  const project = checkName("project", request.project);
  if (request.reservationId === "") throw invalidField("reservation_id", "is required");
  return { project, reservationId: checkRequestId(request.reservationId, "reservation_id") as string };
};

const TTL_US_DEFAULT = 600_000_000n;
const TTL_US_MAX = 86_400_000_000n;

function checkTtl(ttl: Duration): bigint {
  const us = ttl.seconds * 1_000_000n + BigInt(Math.trunc(ttl.nanos / 1000));
  if (us <= 0n || us > TTL_US_MAX) throw invalidField("ttl", "must be more than 0 and at most 24 hours");
  return us;
}

async function reserveOperation(
  services: Services,
  request: ReserveCostRequest,
  context: CallContext,
): Promise<Reserve> {
  const name = checkBudgetName(request);
  const requestId = checkRequestId(request.requestId) ?? makeRequestId();
  const model = checkName("model", request.model);
  const ttlUs = request.ttl === undefined ? TTL_US_DEFAULT : checkTtl(request.ttl);
  const onExpiry = onExpiryFromMessage(request.onExpiry);
  const prints = fingerprintsOfReserveCost(request);
  const common = { kind: "reserve", ...name, requestId, model, ttlUs, onExpiry, ...prints } as const;
  try {
    return { ...common, ...(await amountOf(services, request, context)) };
  } catch (thrown) {
    // Only the engine knows whether the request is a replay, which needs no price.
    if (!(thrown instanceof Failure) || thrown.error.reason !== "UNPRICED_MODEL") throw thrown;
    return { ...common, amountNanoUsd: 0n, detail: undefined, refusal: thrown.error };
  }
}

async function amountOf(
  { costing }: Services,
  { project, model, amount }: ReserveCostRequest,
  context: CallContext,
): Promise<Pick<Reserve, "amountNanoUsd" | "detail">> {
  switch (amount.case) {
    case "costNanoUsd":
      return { amountNanoUsd: checkAmount("cost_nano_usd", amount.value), detail: undefined };
    case "estimate": {
      const { maxOutputTokens: given } = amount.value;
      const maxOutputTokens =
        given === undefined ? undefined : checkCount("estimate.max_output_tokens", given);
      const prompt = promptOf(amount.value, "estimate.");
      return costing.worstCase(project, { model, prompt, maxOutputTokens }, context.signal);
    }
    case undefined:
      throw invalidField("amount", "must be one of cost_nano_usd, estimate");
    default: {
      const unreachable: never = amount;
      return unreachable;
    }
  }
}

/** Adds the time at which to retry to a refused reservation. */
async function withRetryInfo({ reader }: Services, thrown: unknown): Promise<never> {
  if (!(thrown instanceof Failure) || !("levels" in thrown.error)) throw thrown;
  throw new Failure({ ...thrown.error, retryAfterMs: await reader.retryAfterMs(thrown.error) });
}

const ON_EXPIRY: Partial<Record<OnExpiryMessage, OnExpiry>> = {
  [OnExpiryMessage.UNSPECIFIED]: "RELEASE",
  [OnExpiryMessage.RELEASE]: "RELEASE",
  [OnExpiryMessage.CHARGE]: "CHARGE",
};

function onExpiryFromMessage(message: OnExpiryMessage): OnExpiry {
  const onExpiry = ON_EXPIRY[message];
  if (onExpiry === undefined) throw invalidField("on_expiry", "must be release or charge");
  return onExpiry;
}

const STATES: Partial<Record<StateMessage, ReservationState>> = {
  [StateMessage.HELD]: "HELD",
  [StateMessage.SETTLED]: "SETTLED",
  [StateMessage.RELEASED]: "RELEASED",
  [StateMessage.EXPIRED]: "EXPIRED",
};

function stateFromMessage(message: StateMessage): ReservationState | undefined {
  const state = STATES[message];
  if (state === undefined && message !== StateMessage.UNSPECIFIED) {
    throw invalidField("state", "must be held, settled, released or expired");
  }
  return state;
}

const reservationToMessage = (reservation: Reservation): MessageInitShape<typeof ReservationSchema> => ({
  reservationId: reservation.reservationId,
  project: reservation.project,
  user: reservation.user,
  model: reservation.model,
  heldNanoUsd: reservation.heldNanoUsd,
  state: StateMessage[reservation.state],
  createTime: toTimestamp(reservation.createdAtUs),
  expireTime: toTimestamp(reservation.expiresAtUs),
  closeTime: reservation.closedAtUs === undefined ? undefined : toTimestamp(reservation.closedAtUs),
  onExpiry: OnExpiryMessage[reservation.onExpiry],
  ancestors: [...reservation.ancestors],
});

const estimateToMessage = ({ detail }: Reservation): MessageInitShape<typeof EstimateSchema> | undefined =>
  detail && {
    promptTokens: BigInt(detail.usage.inputTokens ?? 0),
    maxOutputTokens: BigInt(detail.usage.outputTokens ?? 0),
    maxOutputAssumed: detail.maxOutputAssumed,
    price: priceToMessage(detail.price),
  };
