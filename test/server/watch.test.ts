import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { BudgetClient, TestServer } from "../support/server.ts";
import { makeStore, STORES, startTestServer } from "../support/server.ts";

const name = { project: "watch", user: "alice" };

const charge = (client: BudgetClient) =>
  client.updateCost({ ...name, source: { case: "cost", value: { model: "m", costNanoUsd: 1n } } });

for (const kind of STORES) {
  describe(`WatchBudget on ${kind}`, () => {
    const stack = new AsyncDisposableStack();
    const stop = new AbortController();
    let environment: Record<string, string>;
    before(async () => {
      const store = stack.use(await makeStore(kind));
      // The streams are not read to their end, so a server that stops must not wait for that.
      environment = { ...store.environment, SHUTDOWN_GRACE_MS: "100" };
    });
    after(() => stack.disposeAsync());

    const watch = (server: TestServer, lastVersion = 0n) =>
      server.grpc.watchBudget({ ...name, lastVersion }, { signal: stop.signal })[Symbol.asyncIterator]();

    it("resumes from the last version seen after the server was stopped and restarted", async () => {
      const first = await startTestServer(environment);
      await first.grpc.createBudget({ ...name, totalBudgetNanoUsd: 10n });
      const before = watch(first);
      const { budget } = (await before.next()).value ?? {};
      assert.equal(budget?.spentNanoUsd, 0n);
      const ended = before.next();
      const stopped = first[Symbol.asyncDispose]();
      assert.equal((await ended).done, true);
      await stopped;

      await using second = await startTestServer(environment);
      const resumed = watch(second, budget?.version);
      const next = resumed.next();
      await charge(second.grpc);
      assert.equal((await next).value?.budget?.spentNanoUsd, 1n);
    });

    it("merges many changes into one, and its last answer is the last state", async () => {
      await using server = await startTestServer(environment);
      const seen: bigint[] = [];
      const changes = watch(server);
      seen.push((await changes.next()).value?.budget?.spentNanoUsd ?? -1n);
      const first = seen[0] ?? 0n;
      await Promise.all(Array.from({ length: 200 }, () => charge(server.grpc)));
      while (seen.at(-1) !== first + 200n) {
        seen.push((await changes.next()).value?.budget?.spentNanoUsd ?? -1n);
      }
      assert.deepEqual(
        seen,
        [...new Set(seen)].toSorted((a, b) => Number(a - b)),
      );
      assert.ok(seen.length < 100, `${seen.length} answers for 200 charges`);
    });

    it("reports the changes of another server", async () => {
      await using one = await startTestServer(environment);
      // The embedded store has only one server, which is used as both.
      await using two = kind === "PostgreSQL" ? await startTestServer(environment) : undefined;
      const changes = watch(one);
      const spent = (await changes.next()).value?.budget?.spentNanoUsd ?? 0n;
      const next = changes.next();
      await charge((two ?? one).grpc);
      assert.equal((await next).value?.budget?.spentNanoUsd, spent + 1n);
      stop.abort();
    });
  });
}
