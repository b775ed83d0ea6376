import { startPostgres, withClient } from "../../test/support/postgres.ts";

/** One PostgreSQL for all tests: a test that starts its own takes seconds more. */
export interface Database extends AsyncDisposable {
  /** For TEST_DATABASE_URL. */
  readonly url: string;
  /** Drops the databases that a test process has made. Thousands of them would fill the disk. */
  drop(pid: number): Promise<void>;
}

export async function startDatabase(): Promise<Database> {
  const postgres = await startPostgres();
  const url = await postgres.createDatabase();
  return {
    url,
    drop: (pid) =>
      withClient(url, async (client) => {
        const { rows } = await client.query<{ datname: string }>(
          "select datname from pg_database where starts_with(datname, $1)",
          [`purser_test_${pid}_`],
        );
        for (const { datname } of rows) await client.query(`drop database ${datname} with (force)`);
      }),
    [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
  };
}
