import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { assertConserved } from "../support/conservation.ts";
import { LegacyClient, legacyPosts } from "../support/legacy.ts";
import { makeStore, startTestServer, type TestServer } from "../support/server.ts";

const CENT = 10_000_000n;

suite("Posts of one session that go to two servers", () => {
  const stack = new AsyncDisposableStack();
  let servers: [TestServer, TestServer];
  before(async () => {
    const { environment } = stack.use(await makeStore("PostgreSQL"));
    servers = [stack.use(await startTestServer(environment)), stack.use(await startTestServer(environment))];
  });
  after(() => stack.disposeAsync());

  test("are merged once, concurrently and in any order, beside charges and a reset", async () => {
    const project = "two-servers";
    const [here, there] = servers.map((server) => legacyPosts(() => server)) as [
      ReturnType<typeof legacyPosts>,
      ReturnType<typeof legacyPosts>,
    ];
    const client = new LegacyClient(here, project);
    for (const user of ["alice", "bob", "carol"])
      client.create(user, { total_budget: 10, created_at: 1.7e9 });
    const maps = Array.from({ length: 40 }, (_, post) =>
      client.spend(["alice", "bob", "carol"][post % 3] as string, 0.01).snapshot(),
    );
    await client.save(maps[0]);
    const { grpc } = servers[0];
    const cost = { case: "cost", value: { model: "gpt-4o", costNanoUsd: CENT } } as const;
    await Promise.all([
      ...maps.map((map) => here.set(project, map)),
      ...maps.toReversed().map((map) => there.set(project, map)),
      ...maps.map(() => grpc.updateCost({ project, user: "alice", source: cost })),
    ]);
    const spentOf = async (user: string) => (await grpc.getCurrentCost({ project, user })).currentCostNanoUsd;
    assert.deepEqual(await Promise.all(["alice", "bob", "carol"].map(spentOf)), [
      54n * CENT,
      13n * CENT,
      13n * CENT,
    ]);
    const zero = client.reset("bob").snapshot();
    await Promise.all([here.set(project, zero), there.set(project, zero), there.set(project, zero)]);
    const { periods } = await grpc.listPeriods({ project, user: "bob" });
    assert.deepEqual(
      periods.map((period) => period.spentNanoUsd),
      [13n * CENT],
    );
    await assertConserved(servers[0].database.kysely);
  });
});
