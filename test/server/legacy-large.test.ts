import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { suiteForEach } from "../support/api.ts";
import { assertConserved } from "../support/conservation.ts";
import { LegacyClient, legacyPosts } from "../support/legacy.ts";

const DOLLAR = 1_000_000_000n;
// More records than one transaction takes.
const USERS = 700;

suiteForEach("A map of many users", { stores: ["PostgreSQL"], ways: ["gRPC"] }, (api) => {
  const posts = legacyPosts(() => api.server);

  test("is applied completely, and later posts write only the records that changed", async () => {
    const { project } = api.newName();
    const client = new LegacyClient(posts, project);
    for (let user = 0; user < USERS; user++) {
      client.create(`user-${user}`, {
        total_budget: 1,
        duration: 7,
        created_at: 1.7e9 + user,
        current_cost: 0.25,
      });
    }
    await client.save();
    const loaded = await new LegacyClient(posts, project).load();
    assert.deepEqual(Object.keys(loaded.map).toSorted(), Object.keys(client.map).toSorted());
    assert.ok(Object.values(loaded.map).every((record) => record.current_cost === 0.25));
    await loaded.spend("user-7", 0.5).save();
    await loaded.save();
    const { entries } = await api.client.listCostEntries({ project, user: "user-7" });
    assert.deepEqual(
      entries.map(({ costNanoUsd }) => costNanoUsd),
      [DOLLAR / 2n, DOLLAR / 4n],
    );
    const { kysely } = api.server.database;
    const { rows } =
      await sql`select 1 from legacy_records where project = ${project} and is_handed_out`.execute(kysely);
    assert.equal(rows.length, 1);
    await assertConserved(kysely);
  });
});
