import { sql } from "kysely";

/** Conditions of statements that search expired holds. */

/** A reservation `r` is open and has expired. The index reservations_held searches for it within a project. */
export const isExpired = sql<boolean>`r.state = 'HELD' and r.expires_at <= statement_timestamp()`;

/**
 * A budget `b` may have holds of descendants. To search those may mean to read every expired hold of the project, so this is
 * asked first. Holds of nothing do not make a held amount, and they do not change the balance of `b`.
 */
export const mayHoldBelow = sql`b.held_nano_usd > 0 and exists (
  select 1 from budgets c where c.project = b.project and c.parent_user_id = b.user_id
)`;
