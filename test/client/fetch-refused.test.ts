import assert from "node:assert/strict";
import { it } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { Code, ConnectError } from "@connectrpc/connect";
import OpenAI from "openai";
import { Duration } from "../../gen/es/budget/v1/budget_pb.ts";
import { BudgetExceededError, budgetExceeded } from "../../src/client/errors.ts";
import { budgetFetch } from "../../src/client/fetch/budget-fetch.ts";
import { suiteForEach } from "../support/api.ts";
import { startPaid } from "../support/paid.ts";

const MESSAGES = [{ role: "user" as const, content: "How tall is the Eiffel tower?" }];
const CHAT = { model: "gpt-4o-mini", messages: MESSAGES, max_tokens: 1000 };
/** 14 prompt tokens at $0.15 a million, 1000 output tokens at $0.60. */
const WORST_CASE = 14n * 150n + 1000n * 600n;

const nothing = () => ({ json: {} });
const thrownBy = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => assert.fail("the call was not refused"),
    (error: unknown) => error,
  );

suiteForEach("budgetFetch over the budget", { stores: ["PGlite"] }, (api) => {
  it("throws an unwrapped BudgetExceededError from OpenAI's SDK, without retries, before any byte is sent", async () => {
    await using paid = await startPaid(api, nothing, { totalNanoUsd: WORST_CASE - 1n });
    const error = await thrownBy(paid.openai.chat.completions.create(CHAT));
    assert.ok(error instanceof BudgetExceededError, String(error));
    const { reason, project, user, refusedBy, model, askedNanoUsd, remainingNanoUsd, totalNanoUsd } = error;
    assert.deepEqual(
      { reason, user, refusedBy, model, askedNanoUsd, remainingNanoUsd, totalNanoUsd },
      {
        reason: "BUDGET_EXCEEDED",
        user: "alice",
        refusedBy: "alice",
        model: "gpt-4o-mini",
        askedNanoUsd: WORST_CASE,
        remainingNanoUsd: WORST_CASE - 1n,
        totalNanoUsd: WORST_CASE - 1n,
      },
    );
    assert.equal(project, paid.name.project);
    assert.equal(error.remainingUsd, 0.000602099);
    assert.equal(error.totalUsd, 0.000602099);
    assert.equal(error.askedUsd, 0.0006021);
    assert.match(error.message, /it may cost \$0\.0006021, and the budget of "alice" has \$0\.000602099 of/);
    assert.equal(error.retryAt, undefined);
    assert.equal(budgetExceeded(error), error);
    assert.deepEqual(paid.provider.received, []);
    assert.deepEqual(await paid.balance(), { spent: 0n, held: 0n });
  });

  it("throws it from Anthropic's SDK, and from streams of both SDKs", async () => {
    await using paid = await startPaid(api, nothing, { totalNanoUsd: 1000n });
    const message = { model: "claude-haiku-4-5", max_tokens: 1000, messages: MESSAGES };
    const calls = [
      paid.anthropic.messages.create(message),
      paid.anthropic.messages.create({ ...message, stream: true }),
      paid.openai.chat.completions.create({ ...CHAT, stream: true }),
      paid.openai.responses.create({ model: "gpt-4o-mini", input: "How tall?" }).asResponse(),
    ];
    // All at once: a call that nobody has caught yet when it rejects would end the test.
    for (const error of await Promise.all(calls.map((call) => thrownBy(call)))) {
      assert.ok(error instanceof BudgetExceededError, String(error));
    }
    // Anthropic's stream helper wraps every error that is not its own.
    const wrapped = await thrownBy(paid.anthropic.messages.stream(message).finalMessage());
    assert.equal(budgetExceeded(wrapped)?.model, message.model);
    assert.deepEqual(paid.provider.received, []);
  });

  it("rejects with BudgetExceededError itself if no SDK made the call", async () => {
    await using paid = await startPaid(api, nothing, { totalNanoUsd: 0n });
    const request = new Request(`${paid.provider.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify(CHAT),
    });
    await assert.rejects(paid.fetch(request), { name: "BudgetExceededError" });
    await assert.rejects(paid.fetch(request.url, { method: "POST", body: JSON.stringify(CHAT) }), {
      name: "BudgetExceededError",
    });
    const wrapped = new Error("the agent failed", {
      cause: new Error("a step", { cause: await thrownBy(paid.fetch(request)) }),
    });
    assert.equal(budgetExceeded(wrapped)?.totalNanoUsd, 0n);
    assert.equal(budgetExceeded(new Error("another")), undefined);
    assert.deepEqual(paid.provider.received, []);
  });

  it("reports the retry time, and which ancestor or which limit refused", async () => {
    await using paid = await startPaid(api, nothing);
    const { project } = paid.name;
    await api.client.createBudget({
      project,
      user: "team",
      totalBudgetNanoUsd: 100n,
      duration: Duration.DAILY,
    });
    await api.client.createBudget({ project, user: "bob", totalBudgetNanoUsd: 10n ** 9n, parent: "team" });
    const modelLimits = [{ model: "gpt-4o*", limitNanoUsd: 5n }];
    await api.client.createBudget({ project, user: "carol", totalBudgetNanoUsd: 10n ** 9n, modelLimits });
    const refusedTo = async (user: string): Promise<BudgetExceededError> => {
      const fetch = budgetFetch(api.client, { project, user });
      const openai = new OpenAI({ apiKey: "none", baseURL: paid.provider.url, fetch });
      const error = await thrownBy(openai.chat.completions.create(CHAT));
      assert.ok(error instanceof BudgetExceededError, String(error));
      return error;
    };
    const bob = await refusedTo("bob");
    assert.deepEqual([bob.user, bob.refusedBy, bob.totalNanoUsd], ["bob", "team", 100n]);
    const { budget: team } = await api.client.getBudget({ project, user: "team" });
    const untilReset = Number(team?.periodEnd?.seconds) * 1000 - (bob.retryAt?.getTime() ?? 0);
    // The database and this process share the clock of one machine; a period is a day.
    assert.ok(Math.abs(untilReset) < 60_000, String(bob.retryAt));
    const carol = await refusedTo("carol");
    assert.deepEqual([carol.reason, carol.remainingNanoUsd], ["MODEL_LIMIT_EXCEEDED", 5n]);
    assert.match(carol.message, /the limit for gpt-4o-mini of "carol" has \$0\.000000005 of/);
  });

  it("holds every answer that is requested, also if only the server knows the maximum length of one", async () => {
    const nine = { totalNanoUsd: 9n * 1000n * 600n };
    await using paid = await startPaid(api, nothing, nine);
    const error = await thrownBy(paid.openai.chat.completions.create({ ...CHAT, n: 10 }));
    assert.equal(budgetExceeded(error)?.askedNanoUsd, 14n * 150n + 10n * 1000n * 600n);
    // The context of 128000 tokens, less the prompt.
    const { max_tokens: _, ...unbounded } = CHAT;
    const open = await thrownBy(paid.openai.chat.completions.create({ ...unbounded, n: 2 }));
    assert.equal(budgetExceeded(open)?.askedNanoUsd, 14n * 150n + 127_986n * 600n);
    await using rich = await startPaid(api, nothing, { totalNanoUsd: 14n * 150n + 127_986n * 600n });
    const two = await thrownBy(rich.openai.chat.completions.create({ ...unbounded, n: 2 }));
    assert.equal(budgetExceeded(two)?.askedNanoUsd, 14n * 150n + 2n * 127_986n * 600n);
    assert.deepEqual(await rich.balance(), { spent: 0n, held: 0n });
    assert.deepEqual([...paid.provider.received, ...rich.provider.received], []);
  });

  it("throws Purser's own error if the budget does not exist or the model has no price", async () => {
    await using paid = await startPaid(api, nothing);
    const unpriced = await thrownBy(paid.openai.chat.completions.create({ ...CHAT, model: "no-such-model" }));
    assert.ok(
      unpriced instanceof ConnectError && unpriced.code === Code.FailedPrecondition,
      String(unpriced),
    );
    const fetch = budgetFetch(api.client, { ...paid.name, user: "nobody" });
    const anthropic = new Anthropic({ apiKey: "none", baseURL: paid.provider.url, fetch });
    const missing = await thrownBy(
      anthropic.messages.create({ model: "claude-haiku-4-5", max_tokens: 5, messages: MESSAGES }),
    );
    assert.ok(missing instanceof ConnectError && missing.code === Code.NotFound, String(missing));
    assert.deepEqual(paid.provider.received, []);
  });
});
