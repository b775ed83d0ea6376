import { type RawBuilder, sql } from "kysely";
import type { NanoUsd } from "../domain/money.ts";
import type { InstantUs } from "../domain/period.ts";
import { type Reservation, type ReservationState, reservationKey } from "../domain/reservation.ts";
import type { Connection } from "./connection.ts";
import { isExpired, mayHoldBelow } from "./expired.ts";
import type { BudgetName, ReservationName } from "./names.ts";
import type { Part } from "./parts.ts";
import { projectsHaving } from "./projects.ts";
import { insertRows, type RowOf, updateRows } from "./table.ts";
import { reservationsTable } from "./tables.ts";
import { unnest } from "./unnest.ts";

/** A reservation to insert, or one whose state or expiry has changed. */
export interface ReservationChange {
  reservation: Reservation;
  isNew: boolean;
}

type ReservationRow = RowOf<typeof reservationsTable>;

const reservationFromRow = (row: ReservationRow): Reservation => reservationsTable.fromRow(row);

/** Reads reservations, by `reservationKey`. It uses a lateral join on the full key, for the same reason as `findEntries`. */
export async function findReservations(
  connection: Connection,
  names: readonly ReservationName[],
): Promise<Map<string, Reservation>> {
  if (names.length === 0) return new Map();
  const rows = names.map(({ project, reservationId }) => ({ project, reservation_id: reservationId }));
  const result = await sql<ReservationRow>`
    select r.* from ${unnest({ project: "text", reservation_id: "text" }, rows, "k")}
    cross join lateral (
      select * from reservations where project = k.project and reservation_id = k.reservation_id limit 1
    ) r
  `.execute(connection);
  return new Map(
    result.rows.map((row) => [reservationKey(row.project, row.reservation_id), reservationFromRow(row)]),
  );
}

/** Which expired reservations to leave out, and how many to read. */
export interface ExpiredSearch {
  /** Reservations that count on one of these budgets are left out. */
  except: readonly BudgetName[];
  limit: number;
}

/** Reads open reservations of a project that have expired, in the order of their expiry. Locks nothing. */
export async function findExpired(
  connection: Connection,
  project: string,
  { except, limit }: ExpiredSearch,
): Promise<Reservation[]> {
  const result = await sql<ReservationRow>`
    select r.* from reservations r
    where r.project = ${project} and ${isExpired} ${leavingOut(except)}
    order by r.expires_at, r.reservation_id limit ${limit}
  `.execute(connection);
  return result.rows.map(reservationFromRow);
}

/**
 * Reads expired open reservations that count on one of these budgets, in the order of expiry. Locks nothing. It reads those of
 * the budgets themselves through an index, and searches those of descendants where `mayHoldBelow` says so.
 */
export async function findExpiredOn(
  connection: Connection,
  names: readonly BudgetName[],
  { except, limit }: ExpiredSearch,
): Promise<Reservation[]> {
  const rows = names.map(({ project, user }) => ({ project, user_id: user }));
  const result = await sql<ReservationRow>`
    with named as materialized (
      select b.project, b.user_id, ${mayHoldBelow} as may_hold_below
      from ${unnest({ project: "text", user_id: "text" }, rows, "k")}
      cross join lateral (
        select * from budgets where project = k.project and user_id = k.user_id limit 1
      ) b
    )
    select * from (
      select own.* from named n cross join lateral (
        select r.* from reservations r
        where r.project = n.project and r.user_id = n.user_id and ${isExpired} ${leavingOut(except)}
        order by r.expires_at limit ${limit}
      ) own
      union
      select below.* from named n cross join lateral (
        select r.* from reservations r
        where r.project = n.project and r.ancestors @> array[n.user_id::text] and ${isExpired} ${leavingOut(except)}
        order by r.expires_at limit ${limit}
      ) below
      where n.may_hold_below
    ) found
    order by expires_at, reservation_id limit ${limit}
  `.execute(connection);
  return result.rows.map(reservationFromRow);
}

/** A condition on `r`, a reservation. */
function leavingOut(except: readonly BudgetName[]): RawBuilder<unknown> {
  if (except.length === 0) return sql``;
  const rows = except.map(({ project, user }) => ({ project, user_id: user }));
  return sql`and not exists (
    select 1 from ${unnest({ project: "text", user_id: "text" }, rows, "x")}
    where x.project = r.project and (x.user_id = r.user_id or x.user_id = any(r.ancestors))
  )`;
}

/** Whether a project has open reservations that have expired. */
export async function hasExpired(connection: Connection, project: string): Promise<boolean> {
  const row = await connection
    .selectFrom("reservations as r")
    .select("r.reservation_id")
    .where("r.project", "=", project)
    .where(isExpired)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Lists the projects that have open reservations which have expired. */
export const projectsWithExpired = (connection: Connection): Promise<string[]> =>
  projectsHaving(connection, {
    table: "reservations",
    indexed: sql`state = 'HELD'`,
    wanted: sql`expires_at <= statement_timestamp()`,
  });

/** Sums the open reservations of a budget and its descendants, by model. Empty when none is open. */
export async function sumOpenByModel(
  connection: Connection,
  { project, user }: BudgetName,
): Promise<Map<string, NanoUsd>> {
  const result = await sql<{ model: string; held: string }>`
    select model, sum(held_nano_usd)::text as held from reservations
    where project = ${project} and state = 'HELD' and (user_id = ${user} or ancestors @> array[${user}::text])
    group by model
  `.execute(connection);
  return new Map(result.rows.map(({ model, held }) => [model, BigInt(held)]));
}

/** Counts the open reservations of a budget and its descendants that have not expired, and finds the first expiry. */
export async function summarizeOpen(
  connection: Connection,
  { project, user }: BudgetName,
): Promise<{ count: bigint; firstEndUs: InstantUs | undefined }> {
  const result = await sql<{ count: bigint; first_end: bigint | null }>`
    select count(*) as count, min(expires_at) as first_end
    from reservations
    where project = ${project} and state = 'HELD' and expires_at > statement_timestamp()
      and (user_id = ${user} or ancestors @> array[${user}::text])
  `.execute(connection);
  const row = result.rows[0];
  return { count: row?.count ?? 0n, firstEndUs: row?.first_end ?? undefined };
}

/** Reads up to `limit` reservations of a project in the byte order of ids. */
export async function listReservations(
  connection: Connection,
  page: {
    project: string;
    user: string | undefined;
    state: ReservationState | undefined;
    after: string | undefined;
    limit: number;
  },
): Promise<Reservation[]> {
  let query = connection.selectFrom("reservations").selectAll().where("project", "=", page.project);
  if (page.user !== undefined) query = query.where("user_id", "=", page.user);
  if (page.state !== undefined) query = query.where("state", "=", page.state);
  if (page.after !== undefined) query = query.where("reservation_id", ">", page.after);
  const rows = await query.orderBy("reservation_id").limit(page.limit).execute();
  return rows.map(reservationFromRow);
}

/** The parts that write the changes of a batch to reservations. */
export function reservationParts(changes: readonly ReservationChange[]): Part[] {
  const latest = latestOf(changes);
  const ofKind = (isNew: boolean) =>
    latest.filter((change) => change.isNew === isNew).map((change) => change.reservation);
  return [updates(ofKind(false)), inserts(ofKind(true))];
}

/**
 * The last change of each reservation, because one operation of a batch may open a reservation that a later one closes. The
 * result is in the order of the keys, which is the same on every server.
 */
function latestOf(changes: readonly ReservationChange[]): ReservationChange[] {
  const byKey = new Map<string, ReservationChange>();
  for (const change of changes) {
    const key = reservationKey(change.reservation.project, change.reservation.reservationId);
    const isNew = change.isNew || byKey.get(key)?.isNew === true;
    byKey.set(key, { ...change, isNew });
  }
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
}

/** A reservation is not inserted if a ledger entry has its id, because a request id is unique among both. */
const inserts = (reservations: readonly Reservation[]): Part =>
  insertRows(reservationsTable, reservations, {
    where: sql`(
      select true from entries e where e.project = row.project and e.request_id = row.reservation_id limit 1
    ) is null`,
    onConflict: sql`on conflict (project, reservation_id) do nothing`,
  });

/** Only open reservations change. The locks of their budgets protect them, so no other transaction can close them meanwhile. */
const updates = (reservations: readonly Reservation[]): Part =>
  updateRows(reservationsTable, ["state", "expires_at", "closed_at"], reservations, {
    where: sql`old.state = 'HELD'`,
  });
