import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  CreateBudgetRequestSchema,
  RefundCostRequestSchema,
  type ReserveCostRequest,
  ReserveCostRequestSchema,
  ResetCostRequestSchema,
  UpdateCostRequestSchema,
} from "../../gen/es/budget/v1/budget_service_pb.ts";
import { OnExpiry } from "../../gen/es/budget/v1/reservation_pb.ts";
import { type Fingerprints, fingerprintOf } from "../domain/fingerprint.ts";
import { createBudgetV1, refundCostV1, reserveCostV1, resetCostV1, updateCostV1 } from "./fingerprint-v1.ts";
import { messageText } from "./message-text.ts";

/**
 * The fingerprints of requests: of what a caller sent, never of what it was priced at, so a repeated request is the same
 * request after prices have changed. `test/server/fingerprints.test.ts` has a frozen table of them. A change of a fingerprint
 * refuses every request that is repeated across the upgrade, so it needs a new version, and the old rules beside the new ones.
 */

/** What a client may send back as it was given, and the server does not read. */
const GIVEN_NEVER_TAKEN: ReadonlySet<string> = new Set([
  "budget.v1.ModelLimit.spent_nano_usd",
  "budget.v1.ModelLimit.held_nano_usd",
]);

/** The project and the request id are the key under which a fingerprint is stored. */
const isKey = ({ name, parent }: DescField): boolean =>
  parent.name.endsWith("Request") && (name === "project" || name === "request_id");

const counts = (field: DescField): boolean =>
  !isKey(field) && !GIVEN_NEVER_TAKEN.has(`${field.parent.typeName}.${field.name}`);

/** The text whose hash is the fingerprint. */
export const requestText = messageText(counts);

const fingerprintsBy =
  <Desc extends DescMessage>(desc: Desc, v1: (message: MessageShape<Desc>) => string) =>
  (message: MessageShape<Desc>): Fingerprints => ({
    fingerprint: fingerprintOf(requestText(desc, message)),
    fingerprintV1: () => v1(message),
  });

export const fingerprintsOfUpdateCost = fingerprintsBy(UpdateCostRequestSchema, updateCostV1);
export const fingerprintsOfRefundCost = fingerprintsBy(RefundCostRequestSchema, refundCostV1);
export const fingerprintsOfResetCost = fingerprintsBy(ResetCostRequestSchema, resetCostV1);
export const fingerprintsOfCreateBudget = fingerprintsBy(CreateBudgetRequestSchema, createBudgetV1);

/** The ttl and what happens on expiry have several spellings of the same: none counts as another request. */
export const fingerprintsOfReserveCost = (request: ReserveCostRequest): Fingerprints => ({
  fingerprint: fingerprintOf(requestText(ReserveCostRequestSchema, plainest(request))),
  fingerprintV1: () => reserveCostV1(request),
});

/** Frozen: it is part of the rules of version 2, whatever the default becomes. */
const TTL_US_DEFAULT = 600_000_000n;

function plainest(request: ReserveCostRequest): ReserveCostRequest {
  const { ttl, onExpiry } = request;
  if (ttl === undefined && onExpiry === OnExpiry.UNSPECIFIED) return request;
  const plain = { ...request, onExpiry: onExpiry === OnExpiry.RELEASE ? OnExpiry.UNSPECIFIED : onExpiry };
  if (ttl === undefined) return plain;
  const us = ttl.seconds * 1_000_000n + BigInt(Math.trunc(ttl.nanos / 1000));
  if (us === TTL_US_DEFAULT && ttl.$unknown === undefined) return { ...plain, ttl: undefined };
  return { ...plain, ttl: { ...ttl, seconds: us / 1_000_000n, nanos: Number(us % 1_000_000n) * 1000 } };
}
