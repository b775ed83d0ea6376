import assert from "node:assert/strict";
import { test } from "node:test";
import { charge, stateOf, suiteForEach } from "../support/api.ts";
import { assertInvalid, assertRefused } from "../support/errors.ts";

const MODEL = "gpt-4o-mini"; // $0.15 and $0.60 for a million tokens: 150 and 600 nano-USD a token.
const MESSAGES = [
  { role: "system", content: "You are terse." },
  { role: "user", content: "hello world" },
];

suiteForEach("ProjectedCost", {}, (api) => {
  const newBudget = async (totalBudgetNanoUsd: bigint) => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd });
    return name;
  };

  test("returns what a text would cost, added to the current spending", async () => {
    const name = await newBudget(10_000n);
    await charge(api, name, 1_000n);
    const answer = await api.client.projectedCost({ ...name, model: MODEL, text: "hello world" });
    assert.equal(answer.promptTokens, 2n);
    assert.equal(answer.promptCostNanoUsd, 300n);
    assert.equal(answer.currentCostNanoUsd, 1_000n);
    assert.equal(answer.projectedCostNanoUsd, 1_300n);
    assert.equal(answer.remainingNanoUsd, 9_000n);
    assert.equal(answer.worstCaseCostNanoUsd, undefined);
    assert.equal(answer.withinBudget, true);
    assert.equal(answer.maxAffordableOutputTokens, 14n);
    assert.equal(answer.price?.lines[0]?.quantity, "2");
  });

  test("counts a chat with its overhead, and tools in addition", async () => {
    const name = await newBudget(1_000_000n);
    const ask = async (tools: { type: string; function: { name: string; description: string } }[]) =>
      (await api.client.projectedCost({ ...name, model: MODEL, messages: MESSAGES, tools })).promptTokens;
    const bare = await ask([]);
    // 4 tokens and 2 of content, 3 around each message, one for each role, 3 to begin the answer.
    assert.equal(bare, 17n);
    const tool = { type: "function", function: { name: "weather", description: "The weather of a city." } };
    // 7 for a function and 12 after the last, as in OpenAI's cookbook ("How to count tokens with tiktoken"), and 6 for
    // its name and its description without the full stop.
    assert.equal(await ask([tool]), 17n + 7n + 12n + 6n);
    assert.equal(await ask([tool, tool]), 17n + 2n * (7n + 6n) + 12n);
  });

  test("fits if the worst case is exactly what remains, and not if it is one more", async () => {
    const worst = 300n + 10n * 600n;
    for (const [total, fits] of [
      [worst, true],
      [worst - 1n, false],
    ] as const) {
      const name = await newBudget(total);
      const request = { ...name, model: MODEL, text: "hello world", maxOutputTokens: 10n };
      const answer = await api.client.projectedCost(request);
      assert.equal(answer.worstCaseCostNanoUsd, worst);
      assert.equal(answer.withinBudget, fits);
      assert.equal(answer.maxAffordableOutputTokens, fits ? 10n : 9n);
    }
  });

  test("affords no output if the budget is exceeded", async () => {
    const name = await newBudget(10n);
    await charge(api, name, 11n);
    const answer = await api.client.projectedCost({ ...name, model: MODEL, text: "hello" });
    assert.equal(answer.remainingNanoUsd, -1n);
    assert.equal(answer.withinBudget, false);
    assert.equal(answer.maxAffordableOutputTokens, 0n);
  });

  test("holds nothing and changes nothing", async () => {
    const name = await newBudget(10_000n);
    const before = await stateOf(api, name);
    await api.client.projectedCost({ ...name, model: MODEL, text: "hello", maxOutputTokens: 5n });
    assert.deepEqual(await stateOf(api, name), before);
  });

  test("requires an existing budget and a model with a price", async () => {
    const name = await newBudget(10_000n);
    const nobody = { ...name, user: "nobody" };
    const ask = (request: object) =>
      api.client.projectedCost({ ...name, model: MODEL, text: "hello", ...request });
    await assertRefused(ask(nobody), "NotFound", "BUDGET_NOT_FOUND", nobody);
    const [metadata, model] = [{ model: "0123456789" }, "0123456789"];
    await assertRefused(ask({ model }), "FailedPrecondition", "UNPRICED_MODEL", metadata);
  });

  test("requires messages or text, and valid counts", async () => {
    const name = await newBudget(10_000n);
    const ask = (request: object) => api.client.projectedCost({ ...name, model: MODEL, ...request });
    const tool = { type: "function", function: { name: "f" } };
    await assertInvalid(ask({}), "messages");
    await assertInvalid(ask({ text: "a", messages: MESSAGES }), "text");
    await assertInvalid(ask({ text: "a", tools: [tool] }), "tools");
    await assertInvalid(ask({ text: "a", model: "" }), "model");
    await assertInvalid(ask({ text: "a", maxOutputTokens: -1n }), "max_output_tokens");
    await assertInvalid(ask({ text: "a", maxOutputTokens: 2n ** 53n }), "max_output_tokens");
    // The amount exceeds 64 bits of nano-USD.
    await assertInvalid(
      ask({ text: "a", model: "gpt-4", maxOutputTokens: 2n ** 53n - 1n }),
      "max_output_tokens",
    );
  });
});
