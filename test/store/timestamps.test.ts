import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { type Database, openPostgres } from "../../src/store/database.ts";
import { timestampText } from "../../src/store/timestamps.ts";
import { startPostgres } from "../support/postgres.ts";

const US_MIN = -62_135_596_800_000_000n;
const US_MAX = 253_402_300_799_999_999n;

describe("instants", () => {
  const stack = new AsyncDisposableStack();
  let database: Database;
  before(async () => {
    const postgres = stack.use(await startPostgres());
    const onIdleError = (error: Error) => assert.fail(error);
    database = stack.use(
      openPostgres({
        url: await postgres.createDatabase(),
        connectionsMax: 1,
        timeoutMs: 60_000,
        onIdleError,
      }),
    );
  });
  after(() => stack.disposeAsync());

  for (const zone of ["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"]) {
    it(`come back to the microsecond from a session in ${zone}`, async () => {
      await sql`set time zone ${sql.lit(zone)}`.execute(database.kysely);
      for (const instantUs of [US_MIN, US_MIN + 1n, -1n, 0n, 1_795_401_858_790_123n, US_MAX]) {
        const { rows } = await sql<{ instant: bigint }>`
          select ${timestampText(instantUs)}::text::timestamptz as instant`.execute(database.kysely);
        assert.deepEqual(rows, [{ instant: instantUs }]);
      }
    });
  }
});
