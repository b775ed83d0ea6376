import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { createLegacy, type Legacy } from "../../src/legacy/legacy.ts";
import { auditLog } from "../support/audit.ts";
import { assertConserved } from "../support/conservation.ts";
import { type Inside, startInside } from "../support/engine.ts";

type Posted = Record<string, Record<string, unknown>>;

describe("the audit log of LiteLLM's posts", () => {
  let inside: Inside;
  let legacy: Legacy;
  before(async () => {
    inside = await startInside();
    legacy = createLegacy({ ...inside, sessionDays: 90 });
  });
  after(() => inside[Symbol.asyncDispose]());

  const logOf = async (project: string) =>
    (await auditLog(inside, project)).map(({ actor, action, before, after }) => [
      actor,
      action,
      before?.["total_budget_nano_usd"] ?? before?.["spent_nano_usd"],
      after?.["total_budget_nano_usd"] ?? after?.["spent_nano_usd"],
    ]);

  it("says who created, changed and reset a budget with a post, and has nothing of its costs", async () => {
    const project = "posts";
    const alice = { total_budget: 1, current_cost: 0.5, model_cost: { m: 0.5 }, created_at: 1_700_000_000 };
    await legacy.post(project, { alice }, "key:1");
    const map = JSON.parse((await legacy.load(project, "key:2")) ?? "{}") as Posted;
    const spent = { ...map["alice"], current_cost: 0.75, model_cost: { m: 0.75 } };
    await legacy.post(project, { alice: spent }, "key:2");
    const raised = { ...spent, total_budget: 2 };
    await legacy.post(project, { alice: raised }, "key:3");
    await legacy.post(project, { alice: raised }, "key:4");
    await legacy.post(project, { alice: { ...raised, current_cost: 0, model_cost: {} } }, "key:5");
    assert.deepEqual(await logOf(project), [
      ["key:1", "CREATE_BUDGET", undefined, "1000000000"],
      ["key:3", "UPDATE_BUDGET", "1000000000", "2000000000"],
      ["key:5", "RESET_COST", "750000000", "0"],
    ]);
    await assertConserved(inside.kysely);
  });

  it("names the caller whose call creates the budgets of a map that an earlier version has stored", async () => {
    const project = "old";
    await sql`insert into legacy_maps (project, user_dict, updated_at)
      values (${project}, ${JSON.stringify({ alice: { total_budget: 3 } })}::text::jsonb, now())`.execute(
      inside.kysely,
    );
    await legacy.load(project, "key:6");
    assert.deepEqual(await logOf(project), [["key:6", "CREATE_BUDGET", undefined, "3000000000"]]);
  });
});
