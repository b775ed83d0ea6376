import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import { encodePageToken } from "../../src/server/page-token.ts";
import { type Api, charge, EVERY_WAY, type Name, stateOf, suiteForEach } from "../support/api.ts";
import { BAD_REQUESTS } from "../support/bad-requests.ts";
import { assertInvalid, assertRefused } from "../support/errors.ts";

suiteForEach("A bad request", { stores: ["PostgreSQL"], ways: EVERY_WAY }, (api) => {
  for (const [about, cases] of Object.entries(BAD_REQUESTS)) {
    suite(`about ${about} is refused with the field named, and changes nothing:`, () => {
      const name = api.newName();
      let state: unknown;
      before(async () => {
        await api.client.createBudget({ ...name, totalBudgetNanoUsd: 100n });
        await charge(api, name, 1n);
        state = await stateOf(api, name);
      });
      for (const [wrong, call, field, says] of cases) {
        test(wrong, async () => {
          await assertInvalid(call(api.client, name), field, says);
          assert.deepEqual(await stateOf(api, name), state);
        });
      }
    });
  }

  suite("for a budget that does not exist is NOT_FOUND, with its name:", () => {
    const calls: [string, (client: Api["client"], name: Name) => Promise<unknown>][] = [
      ["GetBudget", (c, name) => c.getBudget(name)],
      ["UpdateBudget", (c, name) => c.updateBudget({ ...name, updateMask: { paths: ["period"] } })],
      ["DeleteBudget", (c, name) => c.deleteBudget(name)],
      ["ProjectedCost", (c, name) => c.projectedCost({ ...name, model: "gpt-4o", text: "a" })],
      ["UpdateCost", (c, name) => charge({ client: c }, name, 1n)],
      ["GetCurrentCost", (c, name) => c.getCurrentCost(name)],
      ["ResetCost", (c, name) => c.resetCost(name)],
      ["SweepDurations", (c, name) => c.sweepDurations(name)],
      ["ListCostEntries", (c, name) => c.listCostEntries(name)],
      ["ListPeriods", (c, name) => c.listPeriods(name)],
    ];
    for (const [method, call] of calls) {
      test(method, async () => {
        const name = { ...api.newName(), user: "Zoë 💰" };
        await assertRefused(call(api.client, name), "NotFound", "BUDGET_NOT_FOUND", name);
      });
    }
  });
});

const invalid = (call: Promise<unknown>) =>
  assertInvalid(
    call,
    "page_token",
    "must be next_page_token of the previous page, with the other fields unchanged",
  );

suiteForEach("A page token", { stores: ["PostgreSQL"], ways: EVERY_WAY }, (api) => {
  test("is valid only unchanged, and only for the list that it came from", async () => {
    const { client } = api;
    const name = api.newName();
    for (const user of ["alice", "bob", "carol"]) {
      await client.createBudget({ ...name, user, totalBudgetNanoUsd: 1n });
      await charge(api, { ...name, user }, 1n);
    }
    const { project } = name;
    const users = (await client.listUsers({ project, pageSize: 1 })).nextPageToken;
    const entries = (await client.listCostEntries({ project, pageSize: 1 })).nextPageToken;
    await invalid(client.listUsers({ project, pageToken: entries }));
    await invalid(client.listCostEntries({ project, pageToken: users }));
    await invalid(client.listPeriods({ ...name, pageToken: users }));
    await invalid(client.listUsers({ project: `${project}-2`, pageToken: users }));
    await invalid(client.listUsers({ project, userPrefix: "a", pageToken: users }));
    await invalid(client.listCostEntries({ ...name, pageToken: entries }));
    const [body, digest] = users.split(".") as [string, string];
    const elsewhere = Buffer.from('["zoe"]').toString("base64url");
    for (const tampered of [
      `${elsewhere}.${digest}`,
      body,
      `.${digest}`,
      `${users}.`,
      users.slice(1),
      users.slice(0, -1),
    ]) {
      await invalid(client.listUsers({ project, pageToken: tampered }));
    }
    // A forged token of a caller who has read the code: well-formed, but pointing nowhere.
    const scope = ["ListPeriods", project, "alice"];
    for (const position of [["a"], ["1", "2"], [], ["9".repeat(40)]]) {
      await invalid(client.listPeriods({ ...name, pageToken: encodePageToken(scope, position) }));
    }
    // Another page size is still the same list.
    const rest = await client.listUsers({ project, pageSize: 9, pageToken: users });
    assert.deepEqual(
      rest.budgets.map(({ user }) => user),
      ["bob", "carol"],
    );
  });
});
