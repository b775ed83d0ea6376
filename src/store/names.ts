/** Names a budget. */
export interface BudgetName {
  project: string;
  user: string;
}

/** Names a ledger entry. */
export interface RequestName {
  project: string;
  requestId: string;
}

/** Names a reservation. */
export interface ReservationName {
  project: string;
  reservationId: string;
}
