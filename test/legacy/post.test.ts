import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { Failure } from "../../src/domain/errors.ts";
import type { Engine } from "../../src/engine/commit/engine.ts";
import { createLegacy, type Legacy } from "../../src/legacy/legacy.ts";
import { createOf, DAY_US } from "../support/decisions.ts";
import { type Inside, startInside } from "../support/engine.ts";

const SESSION_DAYS = 90;

interface PostedRecord {
  total_budget: number;
  current_cost?: number;
  model_cost?: Record<string, number>;
  purser?: [session: string, issuedUs: string, ...unknown[]];
}
type PostedMap = Record<string, PostedRecord>;

describe("a posted map", () => {
  let inside: Inside;
  let legacy: Legacy;
  before(async () => {
    inside = await startInside();
    legacy = createLegacy({ ...inside, sessionDays: SESSION_DAYS });
  });
  after(() => inside[Symbol.asyncDispose]());

  const load = async (project: string): Promise<PostedMap> =>
    JSON.parse((await legacy.load(project, "test")) ?? "{}") as PostedMap;
  const recordIn = (map: PostedMap): PostedRecord => map["alice"] ?? assert.fail("alice is not in the map");
  const spend = (map: PostedMap, dollars: number): PostedMap => {
    const record = recordIn(map);
    record.current_cost = (record.current_cost ?? 0) + dollars;
    record.model_cost = { m: (record.model_cost?.["m"] ?? 0) + dollars };
    return map;
  };
  /** Makes a map look as if it had been loaded that many days earlier. */
  const age = (map: PostedMap, days: number): PostedMap => {
    const { purser } = recordIn(map);
    if (purser === undefined) return assert.fail("the map was not loaded");
    purser[1] = String(BigInt(purser[1]) - BigInt(days) * DAY_US);
    return map;
  };
  const spentNanoUsd = async (project: string): Promise<bigint> =>
    (await inside.reader.current({ project, user: "alice" })).budget.spentNanoUsd;
  const create = (project: string) => inside.engine.submit(createOf({ project }));
  const isForgotten = (thrown: unknown): boolean =>
    thrown instanceof Failure &&
    thrown.error.reason === "INVALID_FIELD" &&
    thrown.error.field === "user_dict.alice.purser";

  it("that was loaded long ago is merged if its session is known, and refused if not", async () => {
    await create("old");
    const known = await load("old");
    await legacy.post("old", spend(known, 1), "test");
    await legacy.post("old", spend(age(known, SESSION_DAYS + 1), 2), "test");
    assert.equal(await spentNanoUsd("old"), 3_000_000_000n);
    const unknown = age(await load("old"), SESSION_DAYS + 1);
    await assert.rejects(legacy.post("old", spend(unknown, 4), "test"), isForgotten);
    // The session is known in its own project only.
    await create("old-2");
    await assert.rejects(legacy.post("old-2", known, "test"), isForgotten);
    assert.equal(await spentNanoUsd("old"), 3_000_000_000n);
  });

  it("of a session without a post is merged for 90 days after it was loaded", async () => {
    await create("young");
    await legacy.post("young", spend(age(await load("young"), SESSION_DAYS - 1), 1), "test");
    assert.equal(await spentNanoUsd("young"), 1_000_000_000n);
  });

  it("whose total alone changed does not bring back a budget that was deleted", async () => {
    await create("deleted");
    const map = await load("deleted");
    await inside.engine.submit({ kind: "delete", project: "deleted", user: "alice", actor: "test" });
    recordIn(map).total_budget = 20;
    await legacy.post("deleted", map, "test");
    assert.equal(await legacy.load("deleted", "test"), undefined);
    await legacy.post("deleted", spend(map, 1), "test");
    assert.equal(await spentNanoUsd("deleted"), 1_000_000_000n);
  });

  it("shows that its session is in use, though it contains nothing new", async () => {
    await create("touched");
    const map = await load("touched");
    await legacy.post("touched", spend(map, 1), "test");
    const seen = async (): Promise<boolean[]> => {
      const { rows } = await sql<{ recent: boolean }>`
        select seen_at > clock_timestamp() - interval '1 hour' as recent
        from legacy_records where project = 'touched'`.execute(inside.kysely);
      return rows.map(({ recent }) => recent);
    };
    await sql`update legacy_records set seen_at = seen_at - interval '2 days' where project = 'touched'`.execute(
      inside.kysely,
    );
    assert.deepEqual(await seen(), [false]);
    await legacy.post("touched", map, "test");
    assert.deepEqual(await seen(), [true]);
  });

  const reset = { kind: "reset", user: "alice", requestId: "reset", fingerprint: "", actor: "test" } as const;
  const races = [
    ["is reset", (project: string) => inside.engine.submit({ ...reset, project })],
    [
      "is deleted",
      (project: string) => inside.engine.submit({ kind: "delete", project, user: "alice", actor: "test" }),
    ],
  ] as const;
  for (const [what, race] of races) {
    it(`is decided again for a record whose budget ${what} before the post is committed`, async () => {
      const project = `raced ${what}`;
      await create(project);
      const map = await load(project);
      let posts = 0;
      const submitInBackground: Engine["submitInBackground"] = async (operation) => {
        if (posts++ === 0) await race(project);
        return inside.engine.submitInBackground(operation);
      };
      const engine: Engine = { ...inside.engine, submitInBackground };
      await createLegacy({ ...inside, engine, sessionDays: SESSION_DAYS }).post(
        project,
        spend(map, 1),
        "test",
      );
      assert.equal(posts, 2);
      assert.equal(await spentNanoUsd(project), 1_000_000_000n);
    });
  }

  it("is refused with OVERLOADED when its budget changes at each attempt", async () => {
    await create("restless");
    const map = await load("restless");
    let resets = 0;
    const submitInBackground: Engine["submitInBackground"] = async (operation) => {
      const requestId = `reset-${++resets}`;
      const reset = {
        kind: "reset",
        project: "restless",
        user: "alice",
        requestId,
        fingerprint: "",
        actor: "test",
      } as const;
      await inside.engine.submit(reset);
      return inside.engine.submitInBackground(operation);
    };
    const engine: Engine = { ...inside.engine, submitInBackground };
    const restless = createLegacy({ ...inside, engine, sessionDays: SESSION_DAYS });
    await assert.rejects(
      restless.post("restless", spend(map, 1), "test"),
      (thrown) => thrown instanceof Failure && thrown.error.reason === "OVERLOADED",
    );
    assert.equal(resets, 20);
    assert.equal(await spentNanoUsd("restless"), 0n);
  });
});
