import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type BudgetLevel, BudgetView } from "../../gen/es/budget/v1/budget_pb.ts";
import { bank, DOLLAR, refusal } from "../support/reservations.ts";
import { makeStore, STORES, startTestServer, type TestServer } from "../support/server.ts";

for (const kind of STORES) {
  describe(`reservations on ${kind}`, () => {
    const stack = new AsyncDisposableStack();
    let server: TestServer;
    let bankOf: ReturnType<typeof bank>;
    before(async () => {
      const { environment } = stack.use(await makeStore(kind));
      server = stack.use(await startTestServer(environment));
      bankOf = bank(server);
    });
    after(() => stack.disposeAsync());

    describe("in a tree", () => {
      it("count on every ancestor, and the refusal names the ancestor that refused", async () => {
        await bankOf.newBudget("tree", "org", 10n);
        await bankOf.newBudget("tree", "team", 8n, "org");
        const alice = await bankOf.newBudget("tree", "alice", 100n, "team");
        const bob = await bankOf.newBudget("tree", "bob", 100n, "org");
        const { reservation } = await bankOf.reserve(alice, 5n);
        assert.deepEqual(reservation?.ancestors, ["team", "org"]);
        await bankOf.reserve(bob, 4n);
        assert.deepEqual(await bankOf.balances({ project: "tree", user: "team" }), [0n, 5n, 3n]);
        assert.deepEqual(await bankOf.balances({ project: "tree", user: "org" }), [0n, 9n, 1n]);
        const { metadata, quota } = await refusal(bankOf.reserve(alice, 2n));
        assert.equal(metadata.user, "org");
        assert.deepEqual(
          quota?.violations.map((violation) => violation.subject),
          ["budget:tree/org", "budget:tree/alice", "budget:tree/team"],
        );
        // All or nothing: the ancestors that had room hold nothing more.
        assert.deepEqual(await bankOf.balances(alice), [0n, 5n, 95n]);
        await bankOf.settle(alice, reservation?.reservationId ?? "", 6n);
        assert.deepEqual(await bankOf.balances({ project: "tree", user: "team" }), [6n, 0n, 2n]);
        assert.deepEqual(await bankOf.balances({ project: "tree", user: "org" }), [6n, 4n, 0n]);
      });

      it("are explained by GetBudget: the ancestors, what remains of each, and when the next hold expires", async () => {
        const org = await bankOf.newBudget("explain", "org", 50n);
        const alice = await bankOf.newBudget("explain", "alice", 20n, "org");
        await bankOf.settle(org, "", 7n);
        await bankOf.settle(alice, "", 2n);
        const { reservation } = await bankOf.reserve(alice, 1n);
        await bankOf.reserve(org, 4n);
        const full = await server.connectJson.getBudget({ ...alice, view: BudgetView.FULL });
        const dollarsOf = (level: BudgetLevel): bigint[] =>
          [level.totalBudgetNanoUsd, level.spentNanoUsd, level.heldNanoUsd, level.remainingNanoUsd].map(
            (amount) => amount / DOLLAR,
          );
        assert.deepEqual(
          full.levels.map((level) => [level.user, dollarsOf(level), level.openReservations]),
          [
            ["alice", [20n, 2n, 1n, 17n], 1n],
            ["org", [50n, 9n, 5n, 36n], 2n],
          ],
        );
        assert.deepEqual(full.nextFreeTime, reservation?.expireTime);
        assert.deepEqual((await server.grpc.getBudget(alice)).levels, []);
      });

      it("prevent moves and deletions of their budgets while they are open", async () => {
        await bankOf.newBudget("moves", "a", 10n);
        await bankOf.newBudget("moves", "b", 10n);
        const child = await bankOf.newBudget("moves", "child", 10n, "a");
        const grandchild = await bankOf.newBudget("moves", "grandchild", 10n, "child");
        const move = (parent: string) =>
          server.grpc.updateBudget({ ...child, updateMask: { paths: ["parent"] }, parent });
        const id = (await bankOf.reserve(grandchild, 1n)).reservation?.reservationId ?? "";
        assert.equal((await refusal(move("b"))).reason, "BUDGET_IN_USE");
        assert.equal((await refusal(server.grpc.deleteBudget(grandchild))).reason, "BUDGET_IN_USE");
        await bankOf.settle(grandchild, id, 2n);
        assert.equal((await refusal(server.grpc.deleteBudget(child))).reason, "BUDGET_IN_USE");
        assert.equal((await refusal(move("grandchild"))).reason, "PARENT_CYCLE");
        assert.equal((await refusal(move("child"))).reason, "PARENT_CYCLE");
        assert.equal((await refusal(move("nobody"))).reason, "PARENT_NOT_FOUND");
        // The new parent does not inherit earlier spending.
        assert.equal((await move("b")).budget?.parent, "b");
        assert.deepEqual(await bankOf.balances({ project: "moves", user: "a" }), [2n, 0n, 8n]);
        assert.deepEqual(await bankOf.balances({ project: "moves", user: "b" }), [0n, 0n, 10n]);
        await bankOf.reserve(grandchild, 3n);
        assert.deepEqual(await bankOf.balances({ project: "moves", user: "b" }), [0n, 3n, 7n]);
        assert.deepEqual(await bankOf.balances({ project: "moves", user: "a" }), [2n, 0n, 8n]);
      });

      it("support trees of at most 8 levels", async () => {
        for (let level = 1; level <= 8; level++) {
          await bankOf.newBudget("deep", `level-${level}`, 10n, level === 1 ? "" : `level-${level - 1}`);
        }
        const ninth = bankOf.newBudget("deep", "level-9", 10n, "level-8");
        assert.equal((await refusal(ninth)).metadata.field, "parent");
        await bankOf.reserve({ project: "deep", user: "level-8" }, 1n);
        assert.deepEqual(await bankOf.balances({ project: "deep", user: "level-1" }), [0n, 1n, 9n]);
      });
    });

    describe("with limits for models", () => {
      it("may have 100 limits, and not 101", async () => {
        const limits = (count: number) =>
          Array.from({ length: count }, (_, model) => ({ model: `model-${model}`, limitNanoUsd: DOLLAR }));
        const name = { project: "models", user: "many" };
        const { budget } = await server.grpc.createBudget({ ...name, modelLimits: limits(100) });
        assert.equal(budget?.modelLimits.length, 100);
        const updateMask = { paths: ["model_limits"] };
        for (const call of [
          server.grpc.createBudget({ ...name, user: "more", modelLimits: limits(101) }),
          server.grpc.updateBudget({ ...name, updateMask, modelLimits: limits(101) }),
        ]) {
          const { metadata } = await refusal(call);
          assert.deepEqual(
            [metadata.field, metadata.description],
            ["model_limits", "must have at most 100 items"],
          );
        }
        const kept = await server.grpc.updateBudget({ ...name, updateMask, modelLimits: limits(100) });
        assert.equal(kept.budget?.modelLimits.length, 100);
      });

      it("are refused above the limit of their model, by name or by prefix", async () => {
        const name = { project: "models", user: "alice" };
        await server.grpc.createBudget({
          ...name,
          totalBudgetNanoUsd: 100n * DOLLAR,
          modelLimits: [
            { model: "gpt-4*", limitNanoUsd: 5n * DOLLAR },
            { model: "gpt-4o", limitNanoUsd: 3n * DOLLAR },
          ],
        });
        const first = await bankOf.reserve(name, 3n, "", "gpt-4o");
        const { reason, metadata } = await refusal(bankOf.reserve(name, 1n, "", "gpt-4o"));
        assert.deepEqual([reason, metadata.limit], ["MODEL_LIMIT_EXCEEDED", "gpt-4o"]);
        await bankOf.reserve(name, 2n, "", "gpt-4.1");
        assert.equal((await refusal(bankOf.reserve(name, 1n, "", "gpt-4.1"))).metadata.limit, "gpt-4*");
        await bankOf.reserve(name, 50n, "", "claude");
        const { budget } = await server.grpc.updateCost({
          ...name,
          reservationId: first.reservation?.reservationId,
          source: { case: "cost", value: { model: "gpt-4o", costNanoUsd: DOLLAR } },
        });
        assert.deepEqual(
          budget?.modelLimits.map((limit) => [
            limit.model,
            limit.spentNanoUsd / DOLLAR,
            limit.heldNanoUsd / DOLLAR,
          ]),
          [
            ["gpt-4*", 1n, 2n],
            ["gpt-4o", 1n, 0n],
          ],
        );
        const changed = await server.grpc.updateBudget({
          ...name,
          updateMask: { paths: ["model_limits"] },
          modelLimits: [{ model: "*", limitNanoUsd: 60n * DOLLAR }],
        });
        assert.deepEqual(
          changed.budget?.modelLimits.map((limit) => [
            limit.spentNanoUsd / DOLLAR,
            limit.heldNanoUsd / DOLLAR,
          ]),
          [[1n, 52n]],
        );
      });
    });
  });
}
