import { sql } from "kysely";
import type { Costs, Memory } from "../domain/legacy-memory.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import { timestampText } from "./timestamps.ts";
import { unnest } from "./unnest.ts";

/** Names what is remembered of a record. */
export interface RecordName {
  session: string;
  user: string;
}

export interface RecordRow extends RecordName {
  memory: Memory;
  /** Handed out by /get_budget, and not made by the client. */
  isHandedOut: boolean;
  /** When its session last posted, to the day. */
  seenUs: InstantUs;
}

export const recordKey = ({ session, user }: RecordName): string => `${session}\0${user}`;

const KEY = { session_id: "text", user_id: "text" } as const;
const keysOf = (names: readonly RecordName[]) =>
  names.map(({ session, user }) => ({ session_id: session, user_id: user }));

/** What is remembered of these records, by `recordKey`, in one statement. Inside a transaction, `lock` keeps it so. */
export async function readRecords(
  connection: Connection,
  project: string,
  names: readonly RecordName[],
  { lock }: { lock: boolean },
): Promise<Map<string, RecordRow>> {
  const result = await sql<Columns>`
    select r.session_id, r.user_id, r.costs, r.costs_before, r.raised_at, r.begun_at, r.beginnings, r.last_updated_at,
      r.total_nano_usd, r.duration_days, r.seen_at, r.is_handed_out
    from ${unnest(KEY, keysOf(names), "k")}
    join legacy_records r on r.project = ${project} and r.session_id = k.session_id and r.user_id = k.user_id
    order by r.session_id, r.user_id ${lock ? sql`for update of r` : sql``}
  `.execute(connection);
  const rows = result.rows.map(fromColumns);
  return new Map(rows.map((row) => [recordKey(row), row]));
}

/** Adds rows where there are none yet, waiting for whoever is adding the same ones. */
export async function insertRecords(
  connection: Connection,
  project: string,
  rows: readonly RecordRow[],
): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    insert into legacy_records (project, session_id, user_id, costs, costs_before, raised_at, begun_at, beginnings,
      last_updated_at, total_nano_usd, duration_days, seen_at, is_handed_out)
    select ${project}, session_id, user_id, costs::jsonb, costs_before::jsonb, raised_at::timestamptz,
      begun_at::timestamptz, beginnings, last_updated_at::timestamptz, total_nano_usd, duration_days, seen_at::timestamptz,
      is_handed_out::boolean
    from ${unnest(COLUMNS, rows.toSorted(byKey).map(toColumns), "row")}
    on conflict (project, session_id, user_id) do nothing
  `.execute(connection);
}

/** Writes rows that are locked. */
export async function updateRecords(
  connection: Connection,
  project: string,
  rows: readonly RecordRow[],
): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    update legacy_records r set
      costs = row.costs::jsonb,
      costs_before = row.costs_before::jsonb,
      raised_at = row.raised_at::timestamptz,
      begun_at = row.begun_at::timestamptz,
      beginnings = row.beginnings,
      last_updated_at = row.last_updated_at::timestamptz,
      total_nano_usd = row.total_nano_usd,
      duration_days = row.duration_days,
      seen_at = row.seen_at::timestamptz
    from ${unnest(COLUMNS, rows.map(toColumns), "row")}
    where r.project = ${project} and r.session_id = row.session_id and r.user_id = row.user_id
  `.execute(connection);
}

/** Notes that sessions post still. */
export async function touchSessions(
  connection: Connection,
  project: string,
  sessions: readonly string[],
): Promise<void> {
  await sql`
    update legacy_records set seen_at = clock_timestamp()
    where project = ${project} and session_id = any(${sessions}::text[])
  `.execute(connection);
}

/** Whether anything is remembered of a session. */
export async function isSessionKnown(
  connection: Connection,
  project: string,
  session: string,
): Promise<boolean> {
  const row = await connection
    .selectFrom("legacy_records")
    .select("user_id")
    .where("project", "=", project)
    .where("session_id", "=", session)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Forgets sessions of a project that have not posted for this long. */
export async function forgetSessions(connection: Connection, project: string, days: number): Promise<void> {
  await sql`
    delete from legacy_records
    where project = ${project} and is_handed_out and seen_at < clock_timestamp() - make_interval(days => ${days}::integer)
  `.execute(connection);
}

const COLUMNS = {
  session_id: "text",
  user_id: "text",
  costs: "text",
  costs_before: "text",
  raised_at: "text",
  begun_at: "text",
  beginnings: "integer",
  last_updated_at: "text",
  total_nano_usd: "bigint",
  duration_days: "integer",
  seen_at: "text",
  is_handed_out: "text",
} as const;

interface Columns {
  session_id: string;
  user_id: string;
  costs: [string, string][];
  costs_before: [string, string][];
  raised_at: bigint;
  begun_at: bigint | null;
  beginnings: number;
  last_updated_at: bigint | null;
  total_nano_usd: bigint | null;
  duration_days: number | null;
  seen_at: bigint;
  is_handed_out: boolean;
}

const costsFromJson = (pairs: readonly [string, string][]): Costs =>
  new Map(pairs.map(([model, cost]) => [model, BigInt(cost)]));

const costsToJson = (costs: Costs): string =>
  JSON.stringify([...costs].map(([model, cost]) => [model, String(cost)]));

const fromColumns = (row: Columns): RecordRow => ({
  session: row.session_id,
  user: row.user_id,
  isHandedOut: row.is_handed_out,
  seenUs: row.seen_at,
  memory: {
    costs: costsFromJson(row.costs),
    costsBefore: costsFromJson(row.costs_before),
    raisedUs: row.raised_at,
    begunUs: row.begun_at ?? undefined,
    beginnings: row.beginnings,
    lastUpdatedUs: row.last_updated_at ?? undefined,
    totalNanoUsd: row.total_nano_usd ?? undefined,
    durationDays: row.duration_days ?? undefined,
  },
});

const instant = (us: InstantUs | undefined): string | null => (us === undefined ? null : timestampText(us));

const toColumns = ({ session, user, memory, isHandedOut, seenUs }: RecordRow) => ({
  session_id: session,
  user_id: user,
  costs: costsToJson(memory.costs),
  costs_before: costsToJson(memory.costsBefore),
  raised_at: timestampText(memory.raisedUs),
  begun_at: instant(memory.begunUs),
  beginnings: memory.beginnings,
  last_updated_at: instant(memory.lastUpdatedUs),
  total_nano_usd: memory.totalNanoUsd ?? null,
  duration_days: memory.durationDays ?? null,
  seen_at: timestampText(seenUs),
  is_handed_out: String(isHandedOut),
});

/** So that two posts of the same records wait for each other in one direction only. */
const byKey = (a: RecordRow, b: RecordRow): number =>
  Buffer.compare(Buffer.from(recordKey(a)), Buffer.from(recordKey(b)));
