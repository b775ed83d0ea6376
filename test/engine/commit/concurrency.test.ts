import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { sql } from "kysely";
import { type BudgetClient, makeStore, startTestServer, type TestServer } from "../../support/server.ts";

const CALLERS = 64;
const CHARGES_EACH = 25;

describe("two servers on one PostgreSQL", () => {
  const stack = new AsyncDisposableStack();
  let one: TestServer;
  let two: TestServer;

  before(async () => {
    const { environment } = stack.use(await makeStore("PostgreSQL"));
    // Both start at once on an empty database, and each tries to migrate it.
    [one, two] = await Promise.all([startTestServer(environment), startTestServer(environment)]);
    stack.use(one);
    stack.use(two);
  });
  after(() => stack.disposeAsync());

  const clientOf = (caller: number): BudgetClient =>
    [one.grpc, two.grpc, one.connect, two.connect][caller % 4] ?? one.grpc;

  const charge = (client: BudgetClient, user: string, costNanoUsd: bigint, requestId = "") =>
    client.updateCost({
      project: "race",
      user,
      requestId,
      source: { case: "cost", value: { model: "m", costNanoUsd } },
    });

  it("count every nano-dollar of 64 concurrent callers on one budget", async () => {
    await one.grpc.createBudget({ project: "race", user: "hot", totalBudgetNanoUsd: 1n });
    let expected = 0n;
    const callers = Array.from({ length: CALLERS }, async (_, caller) => {
      for (let i = 0; i < CHARGES_EACH; i++) {
        const costNanoUsd = BigInt(caller * CHARGES_EACH + i) * 1_000_003n + 1n;
        expected += costNanoUsd;
        await charge(clientOf(caller), "hot", costNanoUsd);
      }
    });
    await Promise.all(callers);

    const cost = await two.connect.getCurrentCost({ project: "race", user: "hot" });
    assert.equal(cost.currentCostNanoUsd, expected);
    assert.deepEqual(cost.modelCosts, { m: expected });
    const ledger = await sql<{ sum: string; entries: bigint; instants: bigint }>`
      select sum(cost_nano_usd)::text as sum, count(*) as entries, count(distinct created_at) as instants
      from entries where project = 'race' and user_id = 'hot'`.execute(one.database.kysely);
    const rows = BigInt(CALLERS * CHARGES_EACH);
    assert.deepEqual(ledger.rows, [{ sum: String(expected), entries: rows, instants: rows }]);
  });

  it("keep a running balance in the ledger that adds up, entry by entry", async () => {
    const { rows } = await sql<{ mismatches: bigint }>`
      select count(*) as mismatches from (
        select spent_after_nano_usd - sum(cost_nano_usd) over (order by created_at) as difference
        from entries where project = 'race' and user_id = 'hot'
      ) as running where difference <> 0`.execute(one.database.kysely);
    assert.deepEqual(rows, [{ mismatches: 0n }]);
  });

  it("charge once when each receives the same request_id, 200 times over", async () => {
    await one.grpc.createBudget({ project: "race", user: "twice", totalBudgetNanoUsd: 1n });
    const pairs = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        Promise.all([one.grpc, two.grpc].map((client) => charge(client, "twice", 7n, `request-${i}`))),
      ),
    );
    for (const [a, b] of pairs) {
      assert.notEqual(a?.replayed, b?.replayed);
      // The replay returns the first answer: the budget right after the charge.
      assert.deepEqual(a?.budget, b?.budget);
    }
    const cost = await one.grpc.getCurrentCost({ project: "race", user: "twice" });
    assert.equal(cost.currentCostNanoUsd, 200n * 7n);
  });

  it("refuse the second use of an id for another budget with REQUEST_ID_REUSED, and commit the rest of its batch", async () => {
    for (const user of ["left", "right"]) {
      await one.grpc.createBudget({ project: "race", user, totalBudgetNanoUsd: 1n });
    }
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        Promise.allSettled([
          charge(one.grpc, "left", 1n, `shared-${i}`),
          charge(two.grpc, "right", 1n, `shared-${i}`),
          charge(one.grpc, "left", 1_000n, `left-${i}`),
          charge(two.grpc, "right", 1_000n, `right-${i}`),
        ]),
      ),
    );
    for (const [left, right, ...neighbours] of outcomes) {
      const both = [left, right].filter((outcome) => outcome !== undefined);
      const refused = both.filter((outcome) => outcome.status === "rejected");
      assert.equal(refused.length, 1);
      assert.equal(ConnectError.from(refused[0]?.reason).code, Code.AlreadyExists);
      assert.ok(neighbours.every((outcome) => outcome.status === "fulfilled"));
    }
    const spent = await Promise.all(
      ["left", "right"].map((user) => two.grpc.getCurrentCost({ project: "race", user })),
    );
    const total = spent.reduce((sum, cost) => sum + cost.currentCostNanoUsd, 0n);
    assert.equal(total, 100n + 2n * 100n * 1_000n);
  });
});
