import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { type Database, openPostgres } from "../../src/store/database.ts";
import { timestampText } from "../../src/store/timestamps.ts";
import { startPostgres } from "../support/postgres.ts";

const US_MIN = -62_135_596_800_000_000n;
const US_MAX = 253_402_300_799_999_999n;
/** The bounds, both sides of 1970, two-digit years, leap days, and fractions with leading and trailing zeros. */
const INSTANTS = [
  US_MIN,
  US_MIN + 1n,
  -59_000_000_000_000_000n,
  -1_000_000n,
  -1n,
  0n,
  951_782_400_000_000n,
  1_795_401_858_790_123n,
  1_795_401_858_000_001n,
  1_795_401_858_100_000n,
  1_795_401_858_012_300n,
  1_795_401_858_000_000n,
  US_MAX,
];

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
    it(`are returned to the microsecond by a session in ${zone}`, async () => {
      await sql`set time zone ${sql.lit(zone)}`.execute(database.kysely);
      for (const instantUs of INSTANTS) {
        const { rows } = await sql<{ instant: bigint }>`
          select ${timestampText(instantUs)}::text::timestamptz as instant`.execute(database.kysely);
        assert.deepEqual(rows, [{ instant: instantUs }]);
      }
    });
  }
});
