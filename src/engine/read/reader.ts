import type { AuditEntry } from "../../domain/audit.ts";
import { atInstant, type Budget, budgetKey } from "../../domain/budget.ts";
import type { Entry } from "../../domain/entry.ts";
import { Failure, type Refusal } from "../../domain/errors.ts";
import type { InstantUs } from "../../domain/period.ts";
import type { Reservation } from "../../domain/reservation.ts";
import { type AuditFilter, listAuditEntries } from "../../store/audit.ts";
import { type CostRead, listBudgets, readBudget, readCurrentCosts } from "../../store/budgets.ts";
import { findEntries } from "../../store/ledger.ts";
import type { BudgetName, RequestName, ReservationName } from "../../store/names.ts";
import { findReservations, hasExpired, listReservations, summarizeOpen } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";
import type { Engine } from "../commit/engine.ts";
import { createGroups } from "../groups.ts";
import type { PageReads } from "../page-reads.ts";
import { type CurrentCost, presentCost } from "./current-cost.ts";
import {
  type DetailedPeriod,
  type EntryPage,
  listClosedPeriods,
  listCostEntries,
  type PeriodPage,
} from "./ledger.ts";
import { type Level, levelsOf } from "./levels.ts";
import { type Page, readPage } from "./page.ts";

/**
 * Reads budgets in their current periods. Every read that shows balances, holds or entries first calls the engine to end
 * expired holds, so that no caller has to remember it. Holds on a budget that another session has locked cannot be ended, and
 * are still shown.
 */
export interface Reader {
  /** A budget in its current period, with its costs by model. @throws BUDGET_NOT_FOUND */
  current(name: BudgetName): Promise<CurrentCost>;
  /**
   * The chain from a budget to its root, and the next instant at which a period ends or a hold expires on any of its levels.
   *
   * @throws BUDGET_NOT_FOUND
   */
  levels(name: BudgetName): Promise<{ budget: Budget; levels: Level[]; nextFreeUs: InstantUs | undefined }>;
  /** A project's budgets, in order of user. */
  listUsers(page: UserPage): Promise<Page<Budget>>;
  /** A page of the ledger, newest first. @throws BUDGET_NOT_FOUND for a user who has neither a budget nor entries */
  listCostEntries(page: EntryPage): Promise<Page<Entry>>;
  /** A page of a budget's closed periods, newest first. @throws BUDGET_NOT_FOUND */
  listPeriods(page: PeriodPage): Promise<Page<DetailedPeriod>>;
  /** A page of a project's reservations, in order of id. */
  listReservations(page: Parameters<typeof listReservations>[1]): Promise<Page<Reservation>>;
  /** A page of the audit log of a project, newest first. */
  listAuditEntries(page: AuditFilter): Promise<Page<AuditEntry>>;
  /** The budget that a reservation belongs to, which never changes. @throws RESERVATION_NOT_FOUND */
  findReservation(name: ReservationName): Promise<ReservationName & { user: string }>;
  /** The ledger's entry of a charge. An entry never changes. @throws CHARGE_NOT_FOUND */
  findCharge(name: RequestName): Promise<Entry>;
  /**
   * Milliseconds until the refusing budget can have more room: until its period ends or its next hold expires, whichever comes
   * first. At least 1. Undefined when neither will happen, or the budget does not exist.
   */
  retryAfterMs(refusal: Refusal): Promise<number | undefined>;
}

export interface UserPage {
  project: string;
  prefix: string;
  after: string | undefined;
  limit: number;
}

/** Budgets that one statement reads, at most. */
const NAMES_MAX = 1000;
/** Two, so that one statement is prepared while the database executes the other. */
const IN_FLIGHT_MAX = 2;
/** One more, for budgets of projects that none of these reads. */
const QUIET_MAX = 1;

export function createReader({
  store,
  engine,
  pageReads,
}: {
  store: Store;
  engine: Pick<Engine, "endExpired">;
  pageReads: PageReads;
}): Reader {
  // Reads that arrive while others are running share the next statement, as operations share a transaction.
  const groups = createGroups<BudgetName, CostRead | undefined>({
    itemsMax: NAMES_MAX,
    inFlightMax: IN_FLIGHT_MAX,
    quietMax: QUIET_MAX,
    projectOf: ({ project }) => project,
    async work(names) {
      const keys = names.map(({ project, user }) => budgetKey(project, user));
      const distinct = new Map(names.map((name, index) => [keys[index] as string, name]));
      const found = await store.read((connection) => readCurrentCosts(connection, [...distinct.values()]));
      return keys.map((key) => found.get(key));
    },
  });

  const current = async (name: BudgetName): Promise<CurrentCost> => {
    const found = await groups.submit(name);
    if (found?.hasExpired !== true) return presentCost(name, found);
    await engine.endExpired(name);
    return presentCost(name, await groups.submit(name));
  };

  /** Reads a page once the project has no expired holds. */
  const inTurn = async <T extends object>(project: string, read: () => Promise<T>): Promise<T> => {
    const page = await pageReads.run(project, async () =>
      (await store.read((connection) => hasExpired(connection, project))) ? undefined : read(),
    );
    if (page !== undefined) return page;
    // This may take long, so it takes no place of another page.
    await engine.endExpired({ project });
    return pageReads.run(project, read);
  };

  return {
    current,
    async levels(name) {
      const { budget } = await current(name);
      return { budget, ...(await levelsOf(store, budget)) };
    },
    listUsers: ({ limit, ...page }) =>
      inTurn(page.project, () =>
        readPage<Budget>(limit, async (rowsMax, last) => {
          const after = last === undefined ? page.after : last.user;
          const { budgets, nowUs } = await store.read((connection) =>
            listBudgets(connection, { ...page, after, limit: rowsMax }),
          );
          return budgets.map((budget) => atInstant(budget, nowUs));
        }),
      ),
    listCostEntries: (page) => inTurn(page.project, () => listCostEntries(store, page)),
    listPeriods: (page) => inTurn(page.project, () => listClosedPeriods(store, page)),
    listReservations: ({ limit, ...page }) =>
      inTurn(page.project, () =>
        readPage<Reservation>(limit, (rowsMax, last) => {
          const after = last === undefined ? page.after : last.reservationId;
          return store.read((connection) => listReservations(connection, { ...page, after, limit: rowsMax }));
        }),
      ),
    listAuditEntries: ({ limit, ...page }) =>
      pageReads.run(page.project, () =>
        readPage<AuditEntry>(limit, (rowsMax, last) => {
          const before = last === undefined ? page.before : last;
          return store.read((connection) =>
            listAuditEntries(connection, { ...page, before, limit: rowsMax }),
          );
        }),
      ),
    async findReservation(name) {
      const found = await store.read((connection) => findReservations(connection, [name]));
      const [reservation] = found.values();
      if (reservation === undefined) throw new Failure({ reason: "RESERVATION_NOT_FOUND", ...name });
      return { ...name, user: reservation.user };
    },
    async findCharge(name) {
      const [entry] = (await store.read((connection) => findEntries(connection, [name]))).values();
      if (entry?.kind !== "CHARGE") throw new Failure({ reason: "CHARGE_NOT_FOUND", ...name });
      return entry;
    },
    async retryAfterMs({ project, user }) {
      const name = { project, user };
      const found = await store.read((connection) => readBudget(connection, name));
      if (found === undefined) return undefined;
      const { firstEndUs } = await store.read((connection) => summarizeOpen(connection, name));
      const moments = [found.budget.periodEndUs, firstEndUs].filter((each) => each !== undefined);
      const [first] = moments.toSorted((a, b) => (a < b ? -1 : 1));
      if (first === undefined) return undefined;
      return Math.max(1, Number((first - found.nowUs + 999n) / 1000n));
    },
  };
}
