import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertConserved } from "../../support/conservation.ts";
import { countDeadlocks } from "../../support/deadlocks.ts";
import { makeStore, startTestServer, type TestServer } from "../../support/server.ts";

const ROUNDS = 10;
const PROJECT = "orders";

const newBudget = (server: TestServer, user: string) =>
  server.grpc.createBudget({ project: PROJECT, user, totalBudgetNanoUsd: 10n ** 9n });
const chargeOf = (user: string, requestId = "") => ({
  project: PROJECT,
  user,
  requestId,
  source: { case: "cost" as const, value: { model: "m", costNanoUsd: 1n } },
});

describe("two servers on one PostgreSQL never deadlock", () => {
  const withServers = async (work: (one: TestServer, two: TestServer) => Promise<void>): Promise<void> => {
    await using store = await makeStore("PostgreSQL");
    {
      await using one = await startTestServer(store.environment);
      await using two = await startTestServer(store.environment);
      await work(one, two);
      await assertConserved(one.database.kysely);
    }
    assert.equal(await countDeadlocks(store.environment.DATABASE_URL as string), 0);
  };

  it("when their batches lock the same budgets in different orders", () =>
    withServers(async (one, two) => {
      const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);
      for (const user of users) await newBudget(one, user);
      const rounds = Array.from({ length: ROUNDS }, (_, round) => {
        const order = round % 2 === 0 ? users : users.toReversed();
        const { grpc } = round % 2 === 0 ? one : two;
        return grpc.batchUpdateCost({ requests: order.map((user) => chargeOf(user)) });
      });
      for (const { results } of await Promise.all(rounds)) {
        assert.ok(results.every((result) => result.outcome.case === "response"));
      }
      for (const user of users) {
        const { currentCostNanoUsd } = await two.grpc.getCurrentCost({ project: PROJECT, user });
        assert.equal(currentCostNanoUsd, BigInt(ROUNDS));
      }
    }));

  it("when their batches on different budgets have the same request ids in different orders", () =>
    withServers(async (one, two) => {
      for (const user of ["forth", "back"]) await newBudget(one, user);
      for (let round = 0; round < ROUNDS; round++) {
        const ids = Array.from({ length: 60 }, (_, i) => `${round}-${i}`);
        const answers = await Promise.all([
          one.grpc.batchUpdateCost({ requests: ids.map((id) => chargeOf("forth", id)) }),
          two.grpc.batchUpdateCost({ requests: ids.toReversed().map((id) => chargeOf("back", id)) }),
        ]);
        const charged = answers.flatMap(({ results }) =>
          results.filter(({ outcome }) => outcome.case === "response"),
        );
        assert.equal(charged.length, ids.length);
      }
    }));

  it("when reservations on different budgets have the same ids in different orders", () =>
    withServers(async (one, two) => {
      for (const user of ["forth", "back"]) await newBudget(one, user);
      const reserve = ({ grpc }: TestServer, user: string, requestId: string) => {
        const amount = { case: "costNanoUsd" as const, value: 1n };
        return grpc.reserveCost({ project: PROJECT, user, requestId, model: "m", amount });
      };
      for (let round = 0; round < ROUNDS; round++) {
        const ids = Array.from({ length: 60 }, (_, i) => `${round}-${i}`);
        const answers = await Promise.allSettled([
          ...ids.map((id) => reserve(one, "forth", id)),
          ...ids.toReversed().map((id) => reserve(two, "back", id)),
        ]);
        assert.equal(answers.filter(({ status }) => status === "fulfilled").length, ids.length);
      }
    }));
});
