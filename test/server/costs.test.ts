import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { UpdateCostRequestSchema } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { EntryKind, EntrySource, ServiceTier } from "../../gen/es/budget/v1/cost_pb.ts";
import { budgetIn, charge, stateOf, suiteForEach } from "../support/api.ts";
import { COMPLETIONS } from "../support/completions.ts";
import { assertRefused, errorOf, told } from "../support/errors.ts";

const MAX = 2n ** 63n - 1n;
type Source = MessageInitShape<typeof UpdateCostRequestSchema>["source"];

suiteForEach("UpdateCost", {}, (api) => {
  const newBudget = async (totalBudgetNanoUsd = 1_000_000n) => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd });
    return name;
  };
  const entriesOf = async (project: string) => (await api.client.listCostEntries({ project })).entries;

  suite("with a known cost", () => {
    test("charges the amount, and returns what remains of the budget", async () => {
      const name = await newBudget(10n);
      const answer = await charge(api, name, 4n, { model: "my-own-model" });
      assert.equal(answer.costNanoUsd, 4n);
      assert.equal(answer.budget?.spentNanoUsd, 4n);
      assert.equal(answer.budget.remainingNanoUsd, 6n);
      assert.equal(answer.overBudget, false);
      assert.equal(answer.replayed, false);
      assert.equal(answer.price, undefined);
      assert.deepEqual(await budgetIn(api.client.getBudget(name)), answer.budget);
      assert.deepEqual((await api.client.getCurrentCost(name)).modelCosts, { "my-own-model": 4n });
    });

    test("charges nothing if the amount is zero, and still adds a ledger entry", async () => {
      const name = await newBudget();
      await charge(api, name, 0n);
      assert.equal((await entriesOf(name.project)).length, 1);
      assert.deepEqual((await api.client.getCurrentCost(name)).modelCosts, { "a-model": 0n });
    });

    test("charges beyond the budget, because the money was spent, and reports it as exceeded", async () => {
      const name = await newBudget(10n);
      assert.equal((await charge(api, name, 10n)).overBudget, false);
      const over = await charge(api, name, 1n);
      assert.equal(over.overBudget, true);
      assert.equal(over.budget?.remainingNanoUsd, -1n);
    });

    test("refuses a charge that would overflow 64 bits, and changes nothing", async () => {
      const name = await newBudget(0n);
      await charge(api, name, MAX - 1n);
      const before = await stateOf(api, name);
      await assertRefused(charge(api, name, 2n), "OutOfRange", "AMOUNT_OVERFLOW", name);
      assert.deepEqual(await stateOf(api, name), before);
      assert.equal((await charge(api, name, 1n)).budget?.spentNanoUsd, MAX);
    });

    test("sums up the cost of each model", async () => {
      const name = await newBudget();
      await charge(api, name, 1n, { model: "a" });
      await charge(api, name, 2n, { model: "__proto__" });
      await charge(api, name, 4n, { model: "a" });
      const { modelCosts, currentCostNanoUsd } = await api.client.getCurrentCost(name);
      assert.deepEqual(Object.entries(modelCosts), [
        ["__proto__", 2n],
        ["a", 5n],
      ]);
      assert.equal(currentCostNanoUsd, 7n);
    });
  });

  suite("with counts", () => {
    test("prices them, and returns how", async () => {
      const name = await newBudget();
      const answer = await api.client.updateCost({
        ...name,
        source: {
          case: "usage",
          value: { model: "gpt-4o-mini", inputTokens: 1000n, outputTokens: 500n, cacheReadTokens: 200n },
        },
      });
      // 800 at $0.15, 200 cached at $0.075 and 500 at $0.60, each per million.
      assert.equal(answer.costNanoUsd, 120_000n + 15_000n + 300_000n);
      assert.equal(answer.price?.source, "genai-prices");
      const [entry] = await entriesOf(name.project);
      assert.deepEqual(entry?.price, answer.price);
      assert.equal(entry.source, EntrySource.USAGE);
      assert.equal(entry.usage?.inputTokens, 1000n);
      assert.equal(entry.usage.cacheReadTokens, 200n);
    });

    test("uses the price of the service tier that was billed", async () => {
      const name = await newBudget();
      const value = { model: "gpt-4o-mini", inputTokens: 1000n, serviceTier: ServiceTier.STANDARD };
      const answer = await api.client.updateCost({ ...name, source: { case: "usage", value } });
      assert.equal(answer.costNanoUsd, 150_000n);
      assert.equal((await entriesOf(name.project))[0]?.usage?.serviceTier, ServiceTier.STANDARD);
    });

    test("refuses a model without a price, and suggests similar names", async () => {
      const name = await newBudget();
      const value = { model: "gpt-4o-minni", inputTokens: 1n };
      const before = await stateOf(api, name);
      const source: Source = { case: "usage", value };
      const { metadata, ...rest } = told(await errorOf(api.client.updateCost({ ...name, source })));
      assert.deepEqual(rest, {
        code: "FailedPrecondition",
        domain: "budget.v1",
        reason: "UNPRICED_MODEL",
        fields: [],
      });
      assert.equal(metadata.model, value.model);
      assert.equal(metadata.nearest_1, "gpt-4o-mini");
      assert.deepEqual(await stateOf(api, name), before);
    });
  });

  suite("with texts", () => {
    test("counts them with the model's tokenizer, and prices the counts", async () => {
      const name = await newBudget();
      const value = {
        model: "gpt-4o-mini",
        inputText: "hello world",
        outputText: "it is a sunny day in san francisco",
      };
      const answer = await api.client.updateCost({ ...name, source: { case: "text", value } });
      assert.equal(answer.costNanoUsd, 2n * 150n + 9n * 600n);
      const [entry] = await entriesOf(name.project);
      assert.equal(entry?.source, EntrySource.TEXT);
      assert.deepEqual([entry.usage?.inputTokens, entry.usage?.outputTokens], [2n, 9n]);
    });
  });

  suite("with a provider's response", () => {
    for (const [provider, completion] of Object.entries(COMPLETIONS)) {
      test(`reads ${provider}`, async () => {
        const name = await newBudget();
        const answer = await api.client.updateCost({
          ...name,
          source: { case: "completion", value: completion },
        });
        const [entry] = await entriesOf(name.project);
        assert.equal(entry?.kind, EntryKind.CHARGE);
        assert.equal(entry.source, EntrySource.COMPLETION);
        assert.equal(entry.model, "model" in completion ? completion.model : completion.modelVersion);
        assert.deepEqual([entry.usage?.inputTokens, entry.usage?.outputTokens], [1000n, 500n]);
        assert.equal(entry.costNanoUsd, answer.costNanoUsd);
        assert.ok(answer.costNanoUsd > 0n);
      });
    }
  });
});

suiteForEach("A request_id", {}, (api) => {
  const newBudget = async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 100n });
    return name;
  };

  test("is charged once when it is sent twice, and the replay returns the first answer", async () => {
    const name = await newBudget();
    const first = await charge(api, name, 5n, { requestId: "r-1" });
    await charge(api, name, 7n);
    const before = await stateOf(api, name);
    const second = await charge(api, name, 5n, { requestId: "r-1" });
    assert.equal(first.requestId, "r-1");
    assert.deepEqual(second, { ...first, replayed: true });
    assert.deepEqual(await stateOf(api, name), before);
  });

  test("is charged once when it is sent ten times at once", async () => {
    const name = await newBudget();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => charge(api, name, 5n, { requestId: "r-1" })),
    );
    assert.equal(answers.filter(({ replayed }) => !replayed).length, 1);
    assert.equal((await budgetIn(api.client.getBudget(name))).spentNanoUsd, 5n);
  });

  test("is a replay for any order of the keys of a JSON object", async () => {
    const name = await newBudget();
    const completion = COMPLETIONS["OpenAI chat completions"];
    const reversed = Object.fromEntries(Object.entries(completion).toReversed());
    const send = (value: object) => {
      const source = { case: "completion", value } as Source;
      return api.client.updateCost({ ...name, requestId: "r-1", source });
    };
    await send(completion);
    assert.equal((await send(reversed)).replayed, true);
  });

  test("with another payload is ALREADY_EXISTS: another amount, model, user or call", async () => {
    const name = await newBudget();
    const bob = { ...name, user: "bob" };
    await api.client.createBudget({ ...bob, totalBudgetNanoUsd: 100n });
    await charge(api, name, 5n, { requestId: "r-1" });
    const before = await stateOf(api, name);
    const others: (() => Promise<unknown>)[] = [
      () => charge(api, name, 6n, { requestId: "r-1" }),
      () => charge(api, name, 5n, { requestId: "r-1", model: "another" }),
      () => charge(api, bob, 5n, { requestId: "r-1" }),
      () => api.client.resetCost({ ...name, requestId: "r-1" }),
    ];
    const metadata = { project: name.project, request_id: "r-1" };
    for (const other of others) {
      await assertRefused(other(), "AlreadyExists", "REQUEST_ID_REUSED", metadata);
    }
    assert.deepEqual(await stateOf(api, name), before);
  });

  test("belongs to its project: other projects may use the same one", async () => {
    const [name, elsewhere] = [await newBudget(), await newBudget()];
    await charge(api, name, 5n, { requestId: "r-1" });
    assert.equal((await charge(api, elsewhere, 6n, { requestId: "r-1" })).replayed, false);
  });

  test("is generated by the server if it is missing: a UUIDv7 for each request", async () => {
    const name = await newBudget();
    const [a, b] = [await charge(api, name, 1n), await charge(api, name, 1n)];
    for (const { requestId } of [a, b]) {
      assert.match(requestId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    assert.notEqual(a.requestId, b.requestId);
  });

  test("may have 128 bytes", async () => {
    const name = await newBudget();
    const requestId = "é".repeat(64);
    assert.equal((await charge(api, name, 1n, { requestId })).requestId, requestId);
    assert.equal((await charge(api, name, 1n, { requestId })).replayed, true);
  });
});
