import { readCompletion } from "../../domain/completion.ts";
import type { CostDetail, EstimateDetail } from "../../domain/cost-detail.ts";
import { Failure, invalidField } from "../../domain/errors.ts";
import { type NanoUsd, nanoUsdFromDollars } from "../../domain/money.ts";
import { checkName } from "../../domain/name.ts";
import type { PriceBook, Priced } from "../../domain/prices.ts";
import type { Usage } from "../../domain/usage.ts";
import { type CountOptions, TEXT_BYTES_MAX, type TokenCounter } from "../../workers/tokens.ts";
import type { PriceBooks } from "./price-books.ts";

/** A cost and where it came from. */
export interface Costed {
  /** As the caller, or the provider's response, named it. */
  model: string;
  costNanoUsd: NanoUsd;
  detail: CostDetail;
}

/** A prompt that was not sent yet. */
export type Prompt = { text: string } | { messages: readonly unknown[]; tools: readonly unknown[] };

export interface Projection {
  promptTokens: number;
  promptCostNanoUsd: NanoUsd;
  price: Priced;
  /** What the prompt and the most output together cost. Absent without a bound on the output. */
  worstCaseNanoUsd: NanoUsd | undefined;
  /** The most output tokens that fit an amount, after the prompt. Undefined when output is free. */
  affordableOutputTokens(remainingNanoUsd: NanoUsd): number | undefined;
}

/** A provider's response, and how its caller wants it read. */
export interface CompletionInput {
  json: unknown;
  /** Goes before the model that the response names. */
  model: string | undefined;
  /** Whether the cost that the response itself reports goes before any price. */
  useReportedCost: boolean;
}

/**
 * From what callers have to what it costs, at a project's prices. Everything here happens before a transaction opens.
 * All throw INVALID_FIELD and UNPRICED_MODEL.
 */
export interface Costing {
  ofCompletion(project: string, completion: CompletionInput): Promise<Costed>;
  ofText(project: string, text: TextInput, signal: AbortSignal | undefined): Promise<Costed>;
  ofUsage(project: string, model: string, usage: Usage): Promise<Costed>;
  project(project: string, call: ProjectedCall, signal: AbortSignal | undefined): Promise<Projection>;
  /** The most that a call can cost: with as much output as it allows, or else as the model gives. */
  worstCase(
    project: string,
    call: ProjectedCall,
    signal: AbortSignal | undefined,
  ): Promise<{ amountNanoUsd: NanoUsd; detail: EstimateDetail }>;
}

export interface TextInput {
  model: string;
  input: string;
  output: string;
}

export interface ProjectedCall {
  model: string;
  prompt: Prompt;
  maxOutputTokens: number | undefined;
}

export const createCosting = (books: Pick<PriceBooks, "of">, tokens: TokenCounter): Costing => ({
  ofUsage: async (project, model, usage) => costed(await books.of(project), model, usage, "usage"),

  async ofCompletion(project, { json, model: given, useReportedCost }) {
    const { model: named, usage, reportedCostUsd } = readCompletion(json);
    const model = given ?? named;
    if (model === undefined) {
      throw invalidField(
        "completion.model",
        "is missing, and completion_model is empty: nothing says how to price it",
      );
    }
    checkName("completion.model", model);
    if (useReportedCost && reportedCostUsd !== undefined) return reported(model, usage, reportedCostUsd);
    return costed(await books.of(project), model, usage, "completion.usage");
  },

  async ofText(project, { model, input, output }, signal) {
    const book = await books.of(project);
    // A model without a price needs no counting.
    book.priceUsage(model, { inputTokens: 1, outputTokens: 1 });
    const [inputTokens, outputTokens] = await Promise.all([
      tokens.count({ model, text: checkText("text.input_text", input) }, { caller: project, signal }),
      tokens.count({ model, text: checkText("text.output_text", output) }, { caller: project, signal }),
    ]);
    return costed(book, model, { inputTokens, outputTokens }, "text");
  },

  worstCase: async (project, call, signal) =>
    worstCase(await books.of(project), tokens, call, { caller: project, signal }),

  async project(project, { model, prompt, maxOutputTokens }, signal) {
    const book = await books.of(project);
    book.priceUsage(model, { inputTokens: 1 });
    const promptTokens = await countPrompt(tokens, model, prompt, { caller: project, signal });
    const usage: Usage = { inputTokens: promptTokens };
    const price = priced(book, model, usage, "messages");
    const worstCase =
      maxOutputTokens === undefined
        ? undefined
        : priced(book, model, { ...usage, outputTokens: maxOutputTokens }, "max_output_tokens");
    return {
      promptTokens,
      promptCostNanoUsd: price.costNanoUsd,
      price,
      worstCaseNanoUsd: worstCase?.costNanoUsd,
      affordableOutputTokens: (remainingNanoUsd) =>
        book.outputTokensAffordable(model, usage, remainingNanoUsd),
    };
  },
});

async function worstCase(
  book: PriceBook,
  tokens: TokenCounter,
  { model, prompt, maxOutputTokens }: ProjectedCall,
  options: CountOptions,
): Promise<{ amountNanoUsd: NanoUsd; detail: EstimateDetail }> {
  book.priceUsage(model, { inputTokens: 1 });
  const inputTokens = await countPrompt(tokens, model, prompt, options);
  const bound =
    maxOutputTokens === undefined
      ? modelsOwnBound(book, model, inputTokens)
      : { outputTokens: maxOutputTokens };
  const usage: Usage = { inputTokens, outputTokens: bound.outputTokens };
  const { costNanoUsd, matchedModel, source, lines, assumed } = priced(book, model, usage, "estimate");
  const why = bound.assumed === undefined ? [] : [bound.assumed];
  const detail: EstimateDetail = {
    usage,
    price: { matchedModel, source, lines, assumed: [...assumed, ...why] },
    maxOutputAssumed: maxOutputTokens === undefined,
  };
  return { amountNanoUsd: costNanoUsd, detail };
}

interface OutputBound {
  outputTokens: number;
  assumed?: string;
}

/** The most that a model gives; where no list says, what its context leaves beside the prompt. */
function modelsOwnBound(book: PriceBook, model: string, inputTokens: number): OutputBound {
  const most = book.maxOutputTokens(model);
  if (most !== undefined)
    return { outputTokens: most, assumed: `output: up to ${most} tokens, the model's own maximum` };
  const context = book.contextTokens(model);
  if (context === undefined) {
    throw invalidField(
      "estimate.max_output_tokens",
      "is required: no price list says how much the model gives",
    );
  }
  const outputTokens = Math.max(0, context - inputTokens);
  return {
    outputTokens,
    assumed: `output: up to ${outputTokens} tokens, what a context of ${context} leaves`,
  };
}

function costed(book: PriceBook, model: string, usage: Usage, field: string): Costed {
  const { costNanoUsd, matchedModel, source, lines, assumed } = priced(book, model, usage, field);
  const detail: CostDetail = { usage, price: { matchedModel, source, lines, assumed } };
  return { model, costNanoUsd, detail };
}

function priced(book: PriceBook, model: string, usage: Usage, field: string): Priced {
  try {
    return book.priceUsage(model, usage);
  } catch (error) {
    throw renamed(error, field);
  }
}

/** What the provider says it charged. It is the caller's word, as a cost that the caller gives is. */
function reported(model: string, usage: Usage, usd: string | number): Costed {
  const costNanoUsd = nanoUsdFromDollars(usd);
  if (costNanoUsd === undefined || costNanoUsd < 0n) {
    throw invalidField("completion.usage.cost", "must be an amount of US dollars, 0 or more");
  }
  const detail: CostDetail = {
    usage,
    price: {
      matchedModel: model,
      source: "reported",
      lines: [],
      assumed: [`cost: the provider reported ${usd} USD`],
    },
  };
  return { model, costNanoUsd, detail };
}

/** A price book says that a cost is out of range of `usage`; the caller may have sent it under another name. */
const renamed = (error: unknown, field: string): unknown =>
  error instanceof Failure && error.error.reason === "INVALID_FIELD"
    ? invalidField(field, error.error.description)
    : error;

const countPrompt = (
  tokens: TokenCounter,
  model: string,
  prompt: Prompt,
  options: CountOptions,
): Promise<number> =>
  "text" in prompt
    ? tokens.count({ model, text: checkText("text", prompt.text) }, options)
    : tokens.count({ model, ...prompt }, options);

function checkText(field: string, text: string): string {
  if (Buffer.byteLength(text) > TEXT_BYTES_MAX) {
    throw invalidField(field, `must be at most ${TEXT_BYTES_MAX} bytes of UTF-8`);
  }
  return text;
}
