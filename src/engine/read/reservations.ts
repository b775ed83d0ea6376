import { Failure, type Refusal } from "../../domain/errors.ts";
import type { Reservation, ReservationState } from "../../domain/reservation.ts";
import { readBudget } from "../../store/budgets.ts";
import type { ReservationName } from "../../store/names.ts";
import { findReservations, listReservations, summarizeOpen } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";

/** What can be read of reservations. */

/** Which budget a reservation belongs to: that never changes. @throws RESERVATION_NOT_FOUND */
export async function findReservation(
  store: Store,
  name: ReservationName,
): Promise<ReservationName & { user: string }> {
  const found = await store.read((connection) => findReservations(connection, [name]));
  const [reservation] = found.values();
  if (reservation === undefined) throw new Failure({ reason: "RESERVATION_NOT_FOUND", ...name });
  return { ...name, user: reservation.user };
}

/** A page of reservations in order of id. */
export async function listReservationPage(
  store: Store,
  page: {
    project: string;
    user: string | undefined;
    state: ReservationState | undefined;
    after: string | undefined;
    limit: number;
  },
): Promise<{ reservations: Reservation[]; more: boolean }> {
  const reservations = await store.read((connection) =>
    listReservations(connection, { ...page, limit: page.limit + 1 }),
  );
  return { reservations: reservations.slice(0, page.limit), more: reservations.length > page.limit };
}

/** Until anything frees up on the budget that refused: the earlier of its next reset and the end of its next hold. */
export async function retryAfterMs(store: Store, { project, user }: Refusal): Promise<number | undefined> {
  const name = { project, user };
  const found = await store.read((connection) => readBudget(connection, name));
  if (found === undefined) return undefined;
  const { firstEndUs } = await store.read((connection) => summarizeOpen(connection, name));
  const moments = [found.budget.periodEndUs, firstEndUs].filter((each) => each !== undefined);
  const [first] = moments.toSorted((a, b) => (a < b ? -1 : 1));
  if (first === undefined) return undefined;
  return Math.max(1, Number((first - found.nowUs + 999n) / 1000n));
}
