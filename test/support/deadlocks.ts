import pg from "pg";

/**
 * The number of deadlocks that PostgreSQL has counted in a database. Connections report theirs when they end, so stop
 * the servers first.
 */
export async function countDeadlocks(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ deadlocks: number }>(
      "select deadlocks::integer from pg_stat_database where datname = current_database()",
    );
    return rows[0]?.deadlocks ?? Number.NaN;
  } finally {
    await client.end();
  }
}
