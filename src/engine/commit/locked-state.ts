import { reservationKey } from "../../domain/reservation.ts";
import type { Connection } from "../../store/connection.ts";
import { findEntries, readStoredModelCosts, sumRefunds } from "../../store/ledger.ts";
import { type RecordRow, readRecords } from "../../store/legacy-records.ts";
import type { BudgetName, RequestName, ReservationName } from "../../store/names.ts";
import { findReservations, sumOpenByModel } from "../../store/reservations.ts";
import { readHeight } from "../../store/tree.ts";
import { idsOf, type LockedState, projectRecordKey } from "./batch.ts";
import type { Below, Charged } from "./decision.ts";
import { needsBelow, type Operation } from "./operation.ts";

/**
 * Reads the rows that operations need beside their budgets, while the budgets are locked. In the common case they need none,
 * and no statement is sent.
 *
 * @param options.lookUp Whether to look up entries and reservations by the request ids of the operations.
 */
export async function readLockedState(
  connection: Connection,
  operations: readonly Operation[],
  { lookUp }: { lookUp: boolean },
): Promise<Omit<LockedState, "budgets" | "nowUs">> {
  const entries = await findEntries(connection, lookUp ? requestNames(operations) : []);
  const reservations = await findReservations(connection, reservationNames(operations, lookUp));
  const [first] = operations;
  const isAlone = operations.length === 1 && first !== undefined && needsBelow(first);
  return {
    entries,
    reservations,
    below: isAlone ? await readBelow(connection, first) : undefined,
    charges: await readCharges(connection, operations),
    records: await readPostedRecords(connection, operations),
  };
}

async function readBelow(connection: Connection, name: BudgetName): Promise<Below> {
  return {
    levels: await readHeight(connection, name),
    heldByModel: await sumOpenByModel(connection, name),
    spentByModel: await readStoredModelCosts(connection, name),
  };
}

async function readCharges(
  connection: Connection,
  operations: readonly Operation[],
): Promise<Map<string, Charged>> {
  const names = operations.flatMap((operation) =>
    operation.kind === "refund" ? [{ project: operation.project, requestId: operation.chargeId }] : [],
  );
  if (names.length === 0) return new Map();
  const entries = await findEntries(connection, names);
  const refunds = await sumRefunds(connection, names);
  return new Map(
    [...entries].map(([key, entry]) => [key, { entry, refundedNanoUsd: refunds.get(key) ?? 0n }]),
  );
}

async function readPostedRecords(
  connection: Connection,
  operations: readonly Operation[],
): Promise<Map<string, RecordRow>> {
  const posts = operations.filter((operation) => operation.kind === "post");
  const records = new Map<string, RecordRow>();
  for (const [project, each] of Map.groupBy(posts, (operation) => operation.project)) {
    const rows = await readRecords(
      connection,
      project,
      each.map(({ after }) => after),
    );
    for (const row of rows.values()) records.set(projectRecordKey(project, row), row);
  }
  return records;
}

const requestNames = (operations: readonly Operation[]): RequestName[] =>
  operations.flatMap((operation) => {
    const { requestId } = idsOf(operation);
    return requestId === undefined ? [] : [{ project: operation.project, requestId }];
  });

/** The reservations that operations name. With `lookUp`, also those that an earlier request with the same id may have opened. */
function reservationNames(operations: readonly Operation[], lookUp: boolean): ReservationName[] {
  const names = operations.flatMap((operation) => {
    const { requestId, reservationId } = idsOf(operation);
    return [lookUp ? requestId : undefined, reservationId]
      .filter((id) => id !== undefined)
      .map((id) => ({ project: operation.project, reservationId: id }));
  });
  return [...new Map(names.map((name) => [reservationKey(name.project, name.reservationId), name])).values()];
}
