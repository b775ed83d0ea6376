import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { Failure } from "../../src/domain/errors.ts";
import { createLegacy, type Legacy } from "../../src/legacy/legacy.ts";
import { type Inside, startInside } from "../support/engine.ts";

const SESSION_DAYS = 90;

type Posted = Record<string, Record<string, unknown>>;

describe("the sessions of LiteLLM's clients", () => {
  const stack = new AsyncDisposableStack();
  let inside: Inside;
  let legacy: Legacy;
  before(async () => {
    inside = stack.use(await startInside());
    legacy = createLegacy({ store: inside.store, engine: inside.engine, sessionDays: SESSION_DAYS });
  });
  after(() => stack.disposeAsync());

  const load = async (project: string): Promise<Posted> =>
    JSON.parse((await legacy.load(project, "test")) ?? "{}") as Posted;
  const spentIn = async (project: string): Promise<bigint> => {
    const { budget } = await inside.reader.levels({ project, user: "alice" });
    return budget.spentNanoUsd;
  };
  /** Lets the posts of all sessions of a project be `days` old. */
  const age = (project: string, days: number): Promise<unknown> =>
    sql`update legacy_records set seen_at = seen_at - make_interval(days => ${days}::integer)
      where project = ${project}`.execute(inside.kysely);
  const sessionsOf = async (project: string): Promise<boolean[]> => {
    const { rows } = await sql<{ handed: boolean }>`
      select is_handed_out as handed from legacy_records where project = ${project} order by is_handed_out
    `.execute(inside.kysely);
    return rows.map(({ handed }) => handed);
  };
  const spend = (map: Posted, dollars: number): Posted => {
    const alice = { ...map.alice };
    const cost = Number(alice.current_cost ?? 0) + dollars;
    return { alice: { ...alice, current_cost: cost, model_cost: { m: cost } } };
  };

  it("are forgotten when they have not posted for too long, but not the records that clients made", async () => {
    const project = "forgotten";
    const own = spend({ alice: { total_budget: 10 } }, 0.5);
    await legacy.post(project, own, "test");
    const loaded = spend(await load(project), 0.25);
    await legacy.post(project, loaded, "test");
    assert.equal(await spentIn(project), 750_000_000n);
    assert.deepEqual(await sessionsOf(project), [false, true]);

    await age(project, SESSION_DAYS + 1);
    await load(project);
    assert.deepEqual(await sessionsOf(project), [false]);
    // The client that made its record has no other memory of what was charged, and goes on.
    await legacy.post(project, own, "test");
    assert.equal(await spentIn(project), 750_000_000n);
    await legacy.post(project, spend(own, 0.125), "test");
    assert.equal(await spentIn(project), 875_000_000n);
  });

  it("are kept while they post within the time, even if they post nothing new", async () => {
    const project = "kept";
    await legacy.post(project, { alice: { total_budget: 10 } }, "test");
    const loaded = spend(await load(project), 0.25);
    await legacy.post(project, loaded, "test");
    await age(project, SESSION_DAYS - 1);
    await legacy.post(project, loaded, "test");
    await age(project, 2);
    await load(project);
    assert.deepEqual(await sessionsOf(project), [false, true]);
    await legacy.post(project, loaded, "test");
    assert.equal(await spentIn(project), 250_000_000n);
  });

  it("that are forgotten have their maps refused, and are told to load them again", async () => {
    const project = "refused";
    await legacy.post(project, { alice: { total_budget: 10 } }, "test");
    const loaded = await load(project);
    const old = structuredClone(loaded);
    const origin = old.alice?.purser as unknown[];
    origin[1] = String(BigInt(String(origin[1])) - BigInt(SESSION_DAYS) * 86_400_000_000n);
    await assert.rejects(legacy.post(project, spend(old, 1), "test"), (error: unknown) => {
      assert.ok(error instanceof Failure && error.error.reason === "INVALID_FIELD");
      assert.equal(error.error.field, "user_dict.alice.purser");
      return true;
    });
    assert.equal(await spentIn(project), 0n);
    // A map that is as old, but whose session has posted since, is accepted.
    await legacy.post(project, spend(loaded, 1), "test");
    await legacy.post(project, spend(old, 2), "test");
    assert.equal(await spentIn(project), 2_000_000_000n);
  });
});
