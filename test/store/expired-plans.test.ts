import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { readCurrentCosts } from "../../src/store/budgets.ts";
import { findExpired, findExpiredOn } from "../../src/store/reservations.ts";
import { openWithStaleStatistics, type StaleStatistics } from "../support/stale-statistics.ts";

const HOLDS = 5_000;
const LIMIT = 100;
const EVERY = { except: [], limit: LIMIT };

describe("with stale statistics and many expired holds, a search reads little more than what it returns", () => {
  const stack = new AsyncDisposableStack();
  let database: StaleStatistics;
  before(async () => {
    database = stack.use(await openWithStaleStatistics(["budgets", "reservations"]));
    await sql`insert into budgets (project, user_id, parent_user_id, total_nano_usd, held_nano_usd, period_id,
      period_start, creation_fingerprint, created_at, updated_at)
      select 'p', user_id, parent, 1, held, 1, now(), '', now(), now() from (values
        ('team', null, ${HOLDS}::int), ('member', 'team', ${HOLDS}::int), ('one', null, 1), ('nothing', null, 0),
        ('lead', null, 1), ('below', 'lead', 1)
      ) as budget(user_id, parent, held)`.execute(database.kysely);
    await sql`insert into reservations (project, reservation_id, user_id, ancestors, model, held_nano_usd, state,
      on_expiry, request_fingerprint, created_at, expires_at)
      select 'p', 'hold-' || i, case i when 7 then 'one' when 8 then 'below' else 'member' end,
        case i when 7 then '{}'::text[] when 8 then array['lead'] else array['team'] end, 'm', 1, 'HELD', 'RELEASE', '',
        'epoch', now() - interval '1 hour' + i * interval '1 microsecond'
      from generate_series(1, ${HOLDS}::int) i`.execute(database.kysely);
  });
  after(() => stack.disposeAsync());

  const on = (...users: string[]) => users.map((user) => ({ project: "p", user }));

  it("for those of a project", async () => {
    const [found, read] = await database.rowsRead(() => findExpired(database.kysely, "p", EVERY));
    assert.equal(found.length, LIMIT);
    assert.ok(read <= 2 * LIMIT, `${read} rows read`);
  });

  for (const [what, names, count] of [
    ["a budget with many", on("member"), LIMIT],
    ["a budget with one", on("one"), 1],
    ["a budget with none", on("nothing"), 0],
    ["a budget that does not exist", on("missing"), 0],
    ["a budget whose child has many", on("team"), LIMIT],
    ["a budget and its parent, both with the same ones", on("member", "team"), LIMIT],
  ] as const) {
    it(`for those of ${what}`, async () => {
      const [found, read] = await database.rowsRead(() => findExpiredOn(database.kysely, names, EVERY));
      assert.equal(new Set(found.map(({ reservationId }) => reservationId)).size, count);
      assert.equal(found.length, count);
      assert.ok(read <= 3 * LIMIT, `${read} rows read`);
    });
  }

  for (const [user, hasExpired] of [
    ["member", true],
    ["one", true],
    ["nothing", false],
    ["team", true],
  ] as const) {
    it(`for whether the budget "${user}" has any`, async () => {
      const [found, read] = await database.rowsRead(() => readCurrentCosts(database.kysely, on(user)));
      assert.deepEqual(
        [...found.values()].map((cost) => cost.hasExpired),
        [hasExpired],
      );
      assert.ok(read <= 20, `${read} rows read`);
    });
  }

  it("for those of a budget whose child has one, in which case it may read all", async () => {
    const found = await findExpiredOn(database.kysely, on("lead"), EVERY);
    assert.deepEqual(
      found.map(({ reservationId }) => reservationId),
      ["hold-8"],
    );
  });

  it("for those that count on none of the budgets to leave out", async () => {
    const search = { except: on("team"), limit: LIMIT };
    const of = async (names: ReturnType<typeof on>): Promise<string[]> =>
      (await findExpiredOn(database.kysely, names, search)).map(({ reservationId }) => reservationId);
    const inProject = await findExpired(database.kysely, "p", search);
    assert.deepEqual(
      inProject.map(({ reservationId }) => reservationId),
      ["hold-7", "hold-8"],
    );
    assert.deepEqual(await of(on("member", "one")), ["hold-7"]);
    assert.deepEqual(await of(on("team", "lead")), ["hold-8"]);
  });
});
