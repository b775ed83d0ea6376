import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { Duration } from "../../../gen/es/budget/v1/budget_pb.ts";
import {
  NOTHING_PRUNED,
  type Pruned,
  prunableProjects,
  pruneProject,
} from "../../../src/engine/upkeep/prune.ts";
import { createStore, type Store } from "../../../src/store/store.ts";
import { assertConserved } from "../../support/conservation.ts";
import { passTime } from "../../support/engine.ts";
import { makeStore, STORES, startTestServer, type TestServer } from "../../support/server.ts";

const DAY_US = 86_400_000_000n;
const TABLES = ["reservations", "entries", "periods", "model_costs"] as const;
const nowUs = (): bigint => BigInt(Date.now()) * 1000n;

for (const kind of STORES) {
  describe(`pruning on ${kind}`, () => {
    const stack = new AsyncDisposableStack();
    let server: TestServer;
    let store: Store;
    before(async () => {
      const { environment } = stack.use(await makeStore(kind));
      server = stack.use(await startTestServer(environment));
      store = createStore({ database: server.database, retryMsMax: 0, onRetry: () => {} });
    });
    after(() => stack.disposeAsync());

    const newProject = (): string => `project-${randomUUID()}`;
    const create = (project: string, user: string, duration: Duration, parent = "") =>
      server.grpc.createBudget({ project, user, totalBudgetNanoUsd: 1_000_000n, duration, parent });
    const charge = (project: string, user: string, requestId = "", reservationId = "") =>
      server.grpc.updateCost({
        project,
        user,
        requestId,
        reservationId,
        source: { case: "cost", value: { model: "m", costNanoUsd: 5n } },
      });
    const reserve = (project: string, user: string, requestId: string) =>
      server.grpc.reserveCost({
        project,
        user,
        requestId,
        model: "m",
        amount: { case: "costNanoUsd", value: 7n },
      });
    const prune = (
      project: string,
      options: { beforeUs?: bigint; dryRun?: boolean; sliceRowsMax?: number; signal?: AbortSignal } = {},
      onSlice?: (pruned: Pruned) => void,
    ): Promise<Pruned> =>
      pruneProject(
        store,
        {
          project,
          beforeUs: nowUs() - DAY_US,
          dryRun: false,
          signal: new AbortController().signal,
          ...options,
        },
        onSlice,
      );
    const idsOf = async (project: string): Promise<string[]> => {
      const { entries } = await server.grpc.listCostEntries({ project, pageSize: 1000 });
      return entries.map(({ requestId }) => requestId).toSorted();
    };
    const pastAndPresent = async (project: string): Promise<void> => {
      await create(project, "org", Duration.YEARLY);
      await create(project, "alice", Duration.DAILY, "org");
      await create(project, "bob", Duration.DAILY);
      await create(project, "gone", Duration.DAILY);
      await create(project, "forever", Duration.UNSPECIFIED);
      for (const user of ["alice", "bob", "gone", "forever"]) await charge(project, user, `old-${user}`);
      await reserve(project, "bob", "hold-1");
      await charge(project, "bob", "old-settle", "hold-1");
      await reserve(project, "bob", "hold-2");
      await server.grpc.releaseReservation({ project, reservationId: "hold-2" });
      await charge(project, "bob", "old-late", "hold-2");
      await passTime(server.database.kysely, project, 48);
      for (const user of ["alice", "bob"]) await charge(project, user, `new-${user}`);
      await reserve(project, "bob", "hold-3");
      await server.grpc.deleteBudget({ project, user: "gone" });
    };

    it("deletes exactly the entries that count in no current period on any level", async () => {
      const project = newProject();
      await pastAndPresent(project);
      const states = () =>
        Promise.all(
          ["org", "alice", "bob", "forever"].map((user) => server.grpc.getCurrentCost({ project, user })),
        );
      const earlier = await states();
      const pruned = await prune(project);
      assert.deepEqual(pruned, {
        reservations: 2,
        entries: 4,
        periods: 2,
        model_costs: 2,
        // Alice's entry counts in the year of her organization, the other one in a period that never ends.
        entriesKept: 2,
      });
      assert.deepEqual(await idsOf(project), ["new-alice", "new-bob", "old-alice", "old-forever"]);
      const { reservations } = await server.grpc.listReservations({ project });
      assert.deepEqual(
        reservations.map(({ reservationId }) => reservationId),
        ["hold-3"],
      );
      assert.deepEqual((await server.grpc.listPeriods({ project, user: "bob" })).periods, []);
      assert.deepEqual(await states(), earlier);
      await assertConserved(server.database.kysely);
      assert.deepEqual(await prune(project), { ...NOTHING_PRUNED, entriesKept: 2 });
      // At any instant: the charge that opened a period has the time at which the period starts, so it stays.
      const late = await prune(project, { beforeUs: nowUs() + DAY_US });
      assert.deepEqual([late.entries, late.entriesKept], [0, 4]);
      await assertConserved(server.database.kysely);
      assert.ok((await prunableProjects(store)).includes(project));
    });

    it("reports in a dry run what it would delete, and deletes nothing", async () => {
      const project = newProject();
      await pastAndPresent(project);
      const ids = await idsOf(project);
      const dry = await prune(project, { dryRun: true });
      assert.deepEqual(await idsOf(project), ids);
      assert.deepEqual(await prune(project), dry);
      assert.equal(dry.entries, 4);
    });

    it("deletes the entries of a budget without a period after the budget is reset", async () => {
      const project = newProject();
      await create(project, "forever", Duration.UNSPECIFIED);
      await charge(project, "forever", "old");
      await passTime(server.database.kysely, project, 48);
      assert.equal((await prune(project)).entries, 0);
      await server.grpc.resetCost({ project, user: "forever", requestId: "reset" });
      assert.equal((await prune(project)).entries, 1);
      assert.deepEqual(await idsOf(project), ["reset"]);
      // The closed period ended today.
      assert.equal((await server.grpc.listPeriods({ project, user: "forever" })).periods.length, 1);
      await assertConserved(server.database.kysely);
    });

    it("keeps a request id as long as its entry, and allows the id again after that", async () => {
      const project = newProject();
      await pastAndPresent(project);
      await prune(project);
      assert.equal((await charge(project, "alice", "old-alice")).replayed, true);
      assert.equal((await charge(project, "bob", "old-bob")).replayed, false);
      assert.equal((await reserve(project, "bob", "hold-1")).replayed, false);
      await assertConserved(server.database.kysely);
    });

    it("deletes what is before the instant, to the microsecond", async () => {
      const project = newProject();
      await pastAndPresent(project);
      const rows = (table: "entries" | "reservations" | "periods", user: string) =>
        server.database.kysely
          .selectFrom(table)
          .selectAll()
          .where("project", "=", project)
          .where("user_id", "=", user);
      const entry = (await rows("entries", "gone").executeTakeFirstOrThrow()) as { created_at: bigint };
      // Alice's period ended first.
      const period = (await rows("periods", "alice").executeTakeFirstOrThrow()) as { period_end: bigint };
      const holds = (await rows("reservations", "bob").execute()) as { closed_at: bigint | null }[];
      const closed = holds
        .flatMap(({ closed_at }) => (closed_at === null ? [] : [closed_at]))
        .toSorted((a, b) => Number(a - b));
      const has = async (id: string): Promise<boolean> => (await idsOf(project)).includes(id);

      await prune(project, { beforeUs: entry.created_at });
      assert.equal(await has("old-gone"), true);
      await prune(project, { beforeUs: entry.created_at + 1n });
      assert.equal(await has("old-gone"), false);
      assert.equal((await prune(project, { beforeUs: closed[0] ?? 0n })).reservations, 0);
      assert.equal((await prune(project, { beforeUs: (closed[0] ?? 0n) + 1n })).reservations, 1);
      assert.equal((await prune(project, { beforeUs: period.period_end - 1n })).periods, 0);
      assert.equal((await prune(project, { beforeUs: period.period_end })).periods, 1);
      await assertConserved(server.database.kysely);
    });

    it("continues after an interruption, in slices smaller than the work", async () => {
      const project = newProject();
      await pastAndPresent(project);
      const whole = await prune(project, { dryRun: true });
      const sum = { ...NOTHING_PRUNED };
      let interruptions = 0;
      for (;;) {
        const stopping = new AbortController();
        let slices = 0;
        const pruned = await prune(project, { sliceRowsMax: 2, signal: stopping.signal }, () => {
          // The interruption comes later each time, since remaining rows are visited again.
          if (++slices > interruptions) stopping.abort();
        });
        await assertConserved(server.database.kysely);
        for (const table of TABLES) {
          sum[table] += pruned[table];
        }
        if (!stopping.signal.aborted) break;
        interruptions++;
      }
      assert.ok(interruptions > 3);
      assert.deepEqual({ ...sum, entriesKept: whole.entriesKept }, whole);
    });

    it("reads a table with fewer rows than a slice in one slice", async () => {
      const project = newProject();
      await pastAndPresent(project);
      let slices = 0;
      await prune(project, {}, () => slices++);
      assert.equal(slices, TABLES.length);
    });

    it("is for the projects that have rows in any of the tables, each once, in the byte order of names", async () => {
      const prefix = newProject();
      // U+FF5E is before U+1F600 by bytes, and after it by the units of UTF-16.
      const [first, second, third, fourth] = ["a", "b", "\uff5e", "\u{1f600}"].map(
        (end) => `${prefix}-${end}`,
      ) as [string, string, string, string];
      for (const project of [fourth, second, third, first]) {
        await create(project, "alice", Duration.DAILY);
        await charge(project, "alice");
      }
      // Reservations are the table that is looked at first.
      await reserve(fourth, "alice", "hold");
      await create(`${prefix}-empty`, "alice", Duration.DAILY);
      const found = (await prunableProjects(store)).filter((project) => project.startsWith(prefix));
      assert.deepEqual(found, [first, second, third, fourth]);
    });

    it("deletes nothing if it was told to stop before it began", async () => {
      const project = newProject();
      await pastAndPresent(project);
      const ids = await idsOf(project);
      const pruned = await prune(project, { signal: AbortSignal.abort() }, () => assert.fail("a slice ran"));
      assert.deepEqual(pruned, NOTHING_PRUNED);
      assert.deepEqual(await idsOf(project), ids);
    });

    it("leaves concurrent charges alone", async () => {
      const project = newProject();
      await create(project, "org", Duration.DAILY);
      for (const user of ["a", "b"]) await create(project, user, Duration.DAILY, "org");
      const chargeMany = (kind: string, count: number) =>
        Promise.all(
          Array.from({ length: count }, (_, i) => charge(project, i % 2 ? "a" : "b", `${kind}-${i}`)),
        );
      await chargeMany("old", 200);
      await passTime(server.database.kysely, project, 48);
      const [pruned] = await Promise.all([
        prune(project, { beforeUs: nowUs(), sliceRowsMax: 7 }),
        chargeMany("new", 200),
      ]);
      const rest = await prune(project);
      assert.equal(pruned.entries + rest.entries, 200);
      assert.ok((await idsOf(project)).every((id) => id.startsWith("new-")));
      assert.equal((await idsOf(project)).length, 200);
      await assertConserved(server.database.kysely);
    });
  });
}
