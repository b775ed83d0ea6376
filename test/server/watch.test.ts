import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import pino from "pino";
import { Duration } from "../../gen/es/budget/v1/budget_pb.ts";
import type { BudgetClient, TestServer } from "../support/server.ts";
import { makeStore, STORES, startTestServer } from "../support/server.ts";

/** Servers under test poll once a day, so a watcher that is not notified waits until its test is given up. */
const UNNOTIFIED_MS = 120_000;

const HOUR_US = 3_600_000_000n;

const name = { project: "watch", user: "alice" };

const charge = (client: BudgetClient, of = name) =>
  client.updateCost({ ...of, source: { case: "cost", value: { model: "m", costNanoUsd: 1n } } });

/** A log that tells when a line matches. */
function eventOf(pattern: RegExp) {
  let event = Promise.withResolvers<void>();
  const write = (line: string): void => {
    if (!pattern.test(line)) return;
    event.resolve();
    event = Promise.withResolvers();
  };
  return { log: pino({ level: "trace" }, { write }), next: () => event.promise };
}

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
    after(() => {
      // A stream that a failed test has not read to its end would keep the process alive.
      stop.abort();
      return stack.disposeAsync();
    });

    const watch = (server: TestServer, lastVersion = 0n, of = name) =>
      server.grpc.watchBudget({ ...of, lastVersion }, { signal: stop.signal })[Symbol.asyncIterator]();

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

    it("reports the changes of another server, which notifies this one", {
      timeout: UNNOTIFIED_MS,
    }, async () => {
      await using one = await startTestServer(environment);
      // The embedded store has only one server, which is used as both.
      await using two = kind === "PostgreSQL" ? await startTestServer(environment) : undefined;
      const changes = watch(one);
      let spent = (await changes.next()).value?.budget?.spentNanoUsd ?? 0n;
      // A server also looks when it begins to listen. That can hide one lost notification, and not three.
      for (let change = 1; change <= 3; change++) {
        const next = changes.next();
        await charge((two ?? one).grpc);
        assert.equal((await next).value?.budget?.spentNanoUsd, ++spent);
      }
    });

    it("finds a change that nothing has announced when it polls", { timeout: UNNOTIFIED_MS }, async () => {
      await using server = await startTestServer({ ...environment, WATCH_POLL_MS: "100" });
      const changes = watch(server);
      await changes.next();
      for (const total of [77n, 78n]) {
        await sql`update budgets set total_nano_usd = ${total}, updated_at = clock_timestamp()
          where project = ${name.project}`.execute(server.database.kysely);
        assert.equal((await changes.next()).value?.budget?.totalBudgetNanoUsd, total);
      }
    });

    it("sends a new period that nothing has written once, also to one who resumes", async () => {
      const reads = eventOf(/clock_timestamp\(\) as clock/);
      await using server = await startTestServer({ ...environment, WATCH_POLL_MS: "100" }, reads.log);
      const { grpc } = server;
      const daily = { project: name.project, user: "daily" };
      const created = await grpc.createBudget({ ...daily, totalBudgetNanoUsd: 9n, duration: Duration.DAILY });
      await server.age(daily, "25 hours");
      const seen = (created.budget?.version ?? 0n) - 25n * HOUR_US;
      const first = watch(server, seen, daily);
      const version = (await first.next()).value?.budget?.version ?? 0n;
      assert.ok(version > seen);
      const second = watch(server, version, daily);
      const next = [first.next(), second.next()];
      for (let read = 0; read < 6; read++) await reads.next();
      await charge(grpc, daily);
      for (const answer of next) assert.equal((await answer).value?.budget?.spentNanoUsd, 1n);
    });
  });
}
