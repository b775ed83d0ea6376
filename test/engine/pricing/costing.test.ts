import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure } from "../../../src/domain/errors.ts";
import { acceptPriceFile, createPriceBook } from "../../../src/domain/prices.ts";
import { createCosting, type ProjectedCall } from "../../../src/engine/pricing/costing.ts";
import { TEXT_BYTES_MAX, type TokenCounter } from "../../../src/workers/tokens.ts";

/** Prices in nano-USD: 2 for a token of input, 5 for one of output. `free` has output for nothing. */
const entry = {
  input_cost_per_token: 2e-9,
  output_cost_per_token: 5e-9,
  mode: "chat",
  litellm_provider: "maker",
};
const models = {
  ...Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`maker/other-${n}`, entry])),
  "bounded-model": { ...entry, max_output_tokens: 40, max_input_tokens: 1_000 },
  "context-model": entry,
  "unbounded-model": entry,
  "dear-model": { ...entry, input_cost_per_token: 0.01, output_cost_per_token: 0.01 },
  "free-output-model": { ...entry, output_cost_per_token: 0 },
};
const file = acceptPriceFile(undefined, JSON.stringify(models));
assert.ok(file.ok);
const book = createPriceBook([
  { ...file.file.layer, contextTokens: (model) => (model === "context-model" ? 100 : undefined) },
]);

/** A costing whose counter takes each character of a text, and each message of a chat, for one token. */
function start() {
  const counted: unknown[] = [];
  const asked: string[] = [];
  const count: TokenCounter["count"] = async (job, options) => {
    counted.push({ ...job, ...options });
    return "text" in job ? job.text.length : job.messages.length;
  };
  const books = {
    of: async (project: string) => {
      asked.push(project);
      return book;
    },
  };
  return { costing: createCosting(books, { count } as TokenCounter), counted, asked };
}

const signal = new AbortController().signal;

/** Whether a call fails with INVALID_FIELD for this field, and says this. */
const invalid = (field: string, description: RegExp) => (thrown: unknown) =>
  thrown instanceof Failure &&
  thrown.error.reason === "INVALID_FIELD" &&
  thrown.error.field === field &&
  description.test(thrown.error.description);
const TOO_HIGH = /^costs more than 2\^63-1 nano-USD$/;
const TOO_LONG = new RegExp(`^must be at most ${TEXT_BYTES_MAX} bytes of UTF-8$`);
const unpriced = (thrown: unknown) => thrown instanceof Failure && thrown.error.reason === "UNPRICED_MODEL";

describe("the cost of a usage", () => {
  it("is that of its tokens at the project's prices, with the lines to compute it again", async () => {
    const { costing, asked } = start();
    const usage = { inputTokens: 10, outputTokens: 4 };
    const { model, costNanoUsd, detail } = await costing.ofUsage("p", "unbounded-model", usage);
    assert.deepEqual([model, costNanoUsd, asked], ["unbounded-model", 40n, ["p"]]);
    assert.deepEqual(detail.usage, usage);
    assert.deepEqual([detail.price.matchedModel, detail.price.source], ["unbounded-model", "file"]);
    assert.equal(detail.price.lines.length, 2);
  });

  it("is refused, and the field is named, when it is too high or the model is unknown", async () => {
    const { costing } = start();
    const usage = { inputTokens: Number.MAX_SAFE_INTEGER, outputTokens: Number.MAX_SAFE_INTEGER };
    await assert.rejects(costing.ofUsage("p", "dear-model", usage), invalid("usage", TOO_HIGH));
    await assert.rejects(costing.ofUsage("p", "no-such-model", usage), unpriced);
  });
});

describe("the cost of a text", () => {
  it("is that of the tokens of its input and its output", async () => {
    const { costing, counted } = start();
    const text = { model: "unbounded-model", input: "hello", output: "you" };
    const { costNanoUsd, detail } = await costing.ofText("p", text, signal);
    assert.deepEqual([costNanoUsd, detail.usage], [25n, { inputTokens: 5, outputTokens: 3 }]);
    assert.deepEqual(counted, [
      { model: "unbounded-model", text: "hello", caller: "p", signal },
      { model: "unbounded-model", text: "you", caller: "p", signal },
    ]);
  });

  it("is refused before any tokens are counted if the model has no price", async () => {
    const { costing, counted } = start();
    await assert.rejects(
      costing.ofText("p", { model: "no-such-model", input: "a", output: "b" }, signal),
      unpriced,
    );
    assert.deepEqual(counted, []);
  });

  it("is refused if a text has more bytes than allowed, and the field is named", async () => {
    const { costing } = start();
    const most = "é".repeat(TEXT_BYTES_MAX / 2);
    const text = { model: "unbounded-model", input: most, output: most };
    assert.equal((await costing.ofText("p", text, signal)).detail.usage.inputTokens, most.length);
    for (const part of ["input", "output"] as const) {
      const long = { ...text, [part]: `${most}a` };
      await assert.rejects(costing.ofText("p", long, signal), invalid(`text.${part}_text`, TOO_LONG));
    }
  });
});

describe("the cost of a completion", () => {
  const json = {
    id: "chatcmpl-1",
    object: "chat.completion",
    model: "unbounded-model",
    choices: [],
    usage: { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14, cost: 0.5 },
  };
  const input = { json, model: undefined, useReportedCost: false };

  it("is that of its usage, for the model that the caller names or else the response", async () => {
    const { costing } = start();
    const own = await costing.ofCompletion("p", input);
    assert.deepEqual([own.model, own.costNanoUsd], ["unbounded-model", 40n]);
    const given = await costing.ofCompletion("p", { ...input, model: "free-output-model" });
    assert.deepEqual([given.model, given.costNanoUsd], ["free-output-model", 20n]);
  });

  it("is the cost that the provider reports, if the caller wants that and the response has one", async () => {
    const { costing, asked } = start();
    const reported = await costing.ofCompletion("p", { ...input, useReportedCost: true });
    assert.deepEqual([reported.costNanoUsd, asked], [500_000_000n, []]);
    assert.deepEqual(reported.detail.price, {
      matchedModel: "unbounded-model",
      source: "reported",
      lines: [],
      assumed: ["cost: the provider reported 0.5 USD"],
    });
    const { cost: _, ...usage } = json.usage;
    const without = { ...input, json: { ...json, usage }, useReportedCost: true };
    assert.equal((await costing.ofCompletion("p", without)).costNanoUsd, 40n);
  });

  it("may be reported as 0, and is refused if what is reported is negative or too high", async () => {
    const { costing } = start();
    const reporting = (cost: number) => {
      const usage = { ...json.usage, cost };
      return costing.ofCompletion("p", { ...input, json: { ...json, usage }, useReportedCost: true });
    };
    assert.equal((await reporting(0)).costNanoUsd, 0n);
    const refused = (why: RegExp) => invalid("completion.usage.cost", why);
    for (const cost of [-1, 1e300])
      await assert.rejects(reporting(cost), refused(/^must be a number from 0/));
    await assert.rejects(reporting(1e10), refused(/^must be an amount of US dollars, 0 or more$/));
  });

  it("is refused, and the field is named, without a model, with a bad one, and when it is too high", async () => {
    const { costing } = start();
    const { model: _, ...nameless } = json;
    await assert.rejects(
      costing.ofCompletion("p", { ...input, json: nameless }),
      invalid("completion.model", /^is missing, and completion_model is empty: set one of them/),
    );
    await assert.rejects(
      costing.ofCompletion("p", { ...input, json: { ...json, model: "a\nb" } }),
      invalid("completion.model", /control characters/),
    );
    const usage = { prompt_tokens: Number.MAX_SAFE_INTEGER, completion_tokens: Number.MAX_SAFE_INTEGER - 1 };
    await assert.rejects(
      costing.ofCompletion("p", { ...input, model: "dear-model", json: { ...json, usage } }),
      invalid("completion.usage", TOO_HIGH),
    );
  });
});

describe("a projection", () => {
  const call: ProjectedCall = { model: "unbounded-model", prompt: { text: "hello" }, maxOutputTokens: 4 };

  it("has the cost of the prompt, the worst case, and the output that an amount pays for", async () => {
    const { costing, counted } = start();
    const projection = await costing.project("p", call, signal);
    assert.deepEqual(
      [projection.promptTokens, projection.promptCostNanoUsd, projection.worstCaseNanoUsd],
      [5, 10n, 30n],
    );
    assert.equal(projection.price.matchedModel, "unbounded-model");
    assert.equal(projection.affordableOutputTokens(35n), 5);
    assert.deepEqual(counted, [{ model: "unbounded-model", text: "hello", caller: "p", signal }]);
  });

  it("has no worst case without a maximum of output, and no bound for output that is free", async () => {
    const { costing } = start();
    const free = { ...call, model: "free-output-model", maxOutputTokens: undefined };
    const projection = await costing.project("p", free, signal);
    assert.deepEqual(
      [projection.worstCaseNanoUsd, projection.affordableOutputTokens(35n)],
      [undefined, undefined],
    );
  });

  it("counts messages with their tools", async () => {
    const { costing, counted } = start();
    const prompt = { messages: [{ role: "user" }, { role: "user" }], tools: [{ type: "function" }] };
    assert.equal((await costing.project("p", { ...call, prompt }, signal)).promptTokens, 2);
    assert.deepEqual(counted, [{ model: "unbounded-model", ...prompt, caller: "p", signal }]);
  });

  it("is refused before tokens are counted for an unknown model, and names the field that is too high", async () => {
    const { costing, counted } = start();
    await assert.rejects(costing.project("p", { ...call, model: "no-such-model" }, signal), unpriced);
    assert.deepEqual(counted, []);
    const high = { ...call, model: "dear-model", maxOutputTokens: Number.MAX_SAFE_INTEGER };
    await assert.rejects(costing.project("p", high, signal), invalid("max_output_tokens", TOO_HIGH));
    const long = { ...call, prompt: { text: "a".repeat(TEXT_BYTES_MAX + 1) } };
    await assert.rejects(costing.project("p", long, signal), invalid("text", TOO_LONG));
  });
});

describe("the worst case of a call", () => {
  const call = { model: "bounded-model", prompt: { text: "hello" }, maxOutputTokens: undefined };
  const worst = async (changes: Partial<ProjectedCall>) => {
    const { costing } = start();
    const { amountNanoUsd, detail } = await costing.worstCase("p", { ...call, ...changes }, signal);
    return {
      amountNanoUsd,
      outputTokens: detail.usage.outputTokens,
      isAssumed: detail.maxOutputAssumed,
      assumed: detail.price.assumed,
    };
  };

  it("uses the maximum of the call", async () => {
    assert.deepEqual(await worst({ maxOutputTokens: 7 }), {
      amountNanoUsd: 45n,
      outputTokens: 7,
      isAssumed: false,
      assumed: [],
    });
  });

  it("uses the model's own maximum for a call without one, and says so", async () => {
    assert.deepEqual(await worst({}), {
      amountNanoUsd: 210n,
      outputTokens: 40,
      isAssumed: true,
      assumed: ["output: up to 40 tokens, the model's own maximum"],
    });
  });

  it("uses the rest of the model's context if no maximum of its output is known, and says so", async () => {
    assert.deepEqual(await worst({ model: "context-model" }), {
      amountNanoUsd: 485n,
      outputTokens: 95,
      isAssumed: true,
      assumed: ["output: up to 95 tokens, the rest of a context of 100"],
    });
    const full = await worst({ model: "context-model", prompt: { text: "a".repeat(101) } });
    assert.equal(full.outputTokens, 0);
  });

  it("is refused without any maximum, for an unknown model, and when it is too high", async () => {
    await assert.rejects(
      worst({ model: "unbounded-model" }),
      invalid("estimate.max_output_tokens", /^is required: no price list has a maximum/),
    );
    await assert.rejects(worst({ model: "no-such-model" }), unpriced);
    const high = { model: "dear-model", maxOutputTokens: Number.MAX_SAFE_INTEGER };
    await assert.rejects(worst(high), invalid("estimate", TOO_HIGH));
  });
});
