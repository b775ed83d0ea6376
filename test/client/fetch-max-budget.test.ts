import assert from "node:assert/strict";
import { it } from "node:test";
import OpenAI from "openai";
import { BudgetExceededError } from "../../src/client/errors.ts";
import { budgetFetch } from "../../src/client/index.ts";
import { withMaxBudget } from "../../src/client/max-budget.ts";
import { type Api, suiteForEach } from "../support/api.ts";
import { startPaid } from "../support/paid.ts";
import { startProvider } from "../support/provider.ts";

const CHAT = {
  model: "gpt-4o-mini",
  messages: [{ role: "user" as const, content: "How tall is the Eiffel tower?" }],
  max_tokens: 1000,
};
const usage = { prompt_tokens: 14, completion_tokens: 1000, total_tokens: 1014 };
const completion = { id: "c", object: "chat.completion", model: "gpt-4o-mini", choices: [], usage };
const answer = () => ({ json: completion });

/** A function that opens a Purser, with the numbers of opened and closed ones. */
function opener({ client }: Api, failures = 0) {
  const counts = { opened: 0, closed: 0 };
  const open = async () => {
    if (++counts.opened <= failures) throw new Error("no room");
    return {
      client,
      async [Symbol.asyncDispose]() {
        counts.closed++;
      },
    };
  };
  return { counts, open };
}

suiteForEach("maxBudget", { stores: ["PGlite"], ways: ["gRPC"] }, (api) => {
  it("opens a budget of this many dollars at the first call, spends it, and closes it", async () => {
    await using provider = await startProvider(answer);
    const { counts, open } = opener(api);
    {
      // A call costs 0.0006021 dollars, so three fit.
      await using fetch = withMaxBudget(open)({ maxBudget: 0.002, timeoutMs: 120_000 });
      assert.equal(counts.opened, 0);
      const openai = new OpenAI({ apiKey: "none", baseURL: provider.url, fetch });
      const call = () => openai.chat.completions.create(CHAT);
      await call();
      await Promise.all([call(), call()]);
      await assert.rejects(call(), (error: unknown) => {
        assert.ok(error instanceof BudgetExceededError);
        assert.equal(error.totalUsd, 0.002);
        assert.equal(error.remainingUsd, 0.0001937);
        return true;
      });
      assert.deepEqual(counts, { opened: 1, closed: 0 });
    }
    assert.deepEqual(counts, { opened: 1, closed: 1 });
    assert.equal(provider.received.length, 3);
  });

  it("is separate for each fetch, and opening is tried again after a failure", async () => {
    await using provider = await startProvider(answer);
    const { counts, open } = opener(api, 1);
    const withOpener = withMaxBudget(open);
    await using one = withOpener({ maxBudget: "0.0007", timeoutMs: 120_000 });
    await using other = withOpener({ maxBudget: "0.0007", timeoutMs: 120_000 });
    const url = `${provider.url}/v1/chat/completions`;
    const request = { method: "POST", body: JSON.stringify(CHAT) };
    await assert.rejects(one(url, request), { message: "no room" });
    assert.equal((await one(url, request)).status, 200);
    assert.equal((await other(url, request)).status, 200);
    await assert.rejects(one(url, request), BudgetExceededError);
    assert.equal(counts.opened, 3);
    await using _unused = withOpener({ maxBudget: 1 });
  });

  it("must be an amount of dollars, and excludes a client", async () => {
    const withOpener = withMaxBudget(opener(api).open);
    for (const maxBudget of [-1, Number.NaN, "a lot", 1e20]) {
      assert.throws(() => withOpener({ maxBudget }), {
        name: "RangeError",
        message: `maxBudget must be an amount of US dollars of at least 0, not ${maxBudget}`,
      });
    }
    await using paid = await startPaid(api, answer);
    const fetch = withOpener(api.client, { ...paid.name, timeoutMs: 120_000 });
    const openai = new OpenAI({ apiKey: "none", baseURL: paid.provider.url, fetch });
    await openai.chat.completions.create(CHAT);
    assert.deepEqual(await paid.balance(), { spent: 602_100n, held: 0n });
  });
});

it("needs no server: a Purser in this process keeps the budget", async () => {
  await using provider = await startProvider(answer);
  await using fetch = budgetFetch({ maxBudget: 0.001, timeoutMs: 120_000 });
  const openai = new OpenAI({ apiKey: "none", baseURL: provider.url, fetch });
  await openai.chat.completions.create(CHAT);
  await assert.rejects(openai.chat.completions.create(CHAT), {
    name: "BudgetExceededError",
    remainingUsd: 0.0003979,
  });
  assert.equal(provider.received.length, 1);
});
