import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { sql } from "kysely";
import { createEngine, type Engine } from "../../../src/engine/commit/engine.ts";
import type { Store } from "../../../src/store/store.ts";
import { assertConserved } from "../../support/conservation.ts";
import { chargeOf, createOf, reasonOf } from "../../support/decisions.ts";
import { ENGINE_LIMITS, type Inside, startInside } from "../../support/engine.ts";

const PROJECT = "p";
/** More than three transactions end. */
const HOLDS = 1_600;
const SLICES = 4;

describe("more expired holds than one transaction ends, on the embedded store", () => {
  const stack = new AsyncDisposableStack();
  let inside: Inside;
  let engine: Engine;
  let user: string;
  let users = 0;
  /** How many turns of the event loop had begun when each transaction began. */
  let turnsAt: number[] = [];

  before(async () => {
    inside = stack.use(await startInside());
    let turns = 0;
    const count = (): void => {
      turns++;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    stack.defer(() => clearImmediate(counting));
    const store: Store = {
      ...inside.store,
      transaction: (work, options) =>
        inside.store.transaction((connection) => {
          turnsAt.push(turns);
          return work(connection);
        }, options),
    };
    engine = createEngine({
      store,
      ancestry: inside.ancestry,
      limits: ENGINE_LIMITS,
      onChanged: () => {},
      onDefect: (error) => assert.fail(error as Error),
    });
  });
  beforeEach(async () => {
    user = `user-${++users}`;
    assert.equal(reasonOf(await engine.submit(createOf({ project: PROJECT, user }))), "ok");
    await sql`insert into reservations (project, reservation_id, user_id, model, held_nano_usd, state, on_expiry,
      request_fingerprint, created_at, expires_at)
      select ${PROJECT}::text, ${user}::text || '-' || i, ${user}::text, 'm', 1, 'HELD', 'RELEASE', '', now(),
        now() - interval '1 hour' + i * interval '1 microsecond'
      from generate_series(1, ${HOLDS}::int) i`.execute(inside.kysely);
    await sql`update budgets set held_nano_usd = ${HOLDS} where user_id = ${user}`.execute(inside.kysely);
    turnsAt = [];
  });
  after(() => stack.disposeAsync());

  const assertYielded = (): void => {
    assert.ok(turnsAt.length >= SLICES, `${turnsAt.length} transactions`);
    // Without a turn in between, no other caller would be read or answered until all holds have ended.
    assert.equal(new Set(turnsAt).size, turnsAt.length, `two transactions in one turn: ${turnsAt.join()}`);
  };

  it("end in slices, with a turn of the event loop between two of them", async () => {
    assert.equal(await engine.endExpired({ project: PROJECT }), HOLDS);
    assertYielded();
    await assertConserved(inside.kysely);
  });

  it("end in such slices before a charge on their budget, too", async () => {
    const verdict = await engine.submit(
      chargeOf(1n, { project: PROJECT, user, requestId: `${user}-charge` }),
    );
    assert.equal(verdict.ok && verdict.budget.heldNanoUsd, 0n);
    assertYielded();
    await assertConserved(inside.kysely);
  });
});
