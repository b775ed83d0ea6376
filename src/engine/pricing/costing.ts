import { readCompletion } from "../../domain/completion.ts";
import type { CostDetail, EstimateDetail } from "../../domain/cost-detail.ts";
import { Failure, invalidField } from "../../domain/errors.ts";
import { type NanoUsd, nanoUsdFromDollars } from "../../domain/money.ts";
import { checkName } from "../../domain/name.ts";
import type { PriceBook, Priced } from "../../domain/prices.ts";
import type { Usage } from "../../domain/usage.ts";
import { type CountOptions, TEXT_BYTES_MAX, type TokenCounter } from "../../workers/tokens.ts";
import type { PriceBooks } from "./price-books.ts";

/** The cost of a call that was made. */
export interface Costed {
  /** The name that the caller gave. Otherwise the name in the provider's response. */
  model: string;
  costNanoUsd: NanoUsd;
  /** How the cost was calculated. */
  detail: CostDetail;
}

/** The prompt of a call that was not made yet. */
export type Prompt = { text: string } | { messages: readonly unknown[]; tools: readonly unknown[] };

/** What a call would cost. */
export interface Projection {
  promptTokens: number;
  promptCostNanoUsd: NanoUsd;
  /** The price of the prompt alone. */
  price: Priced;
  /** The cost of the prompt and `maxOutputTokens` of output. Undefined when the call has no such bound. */
  worstCaseNanoUsd: NanoUsd | undefined;
  /** The most output tokens that an amount pays for, in addition to the prompt. Undefined when output is free. */
  affordableOutputTokens(remainingNanoUsd: NanoUsd): number | undefined;
}

/** A provider's response, and how to read it. */
export interface CompletionInput {
  json: unknown;
  /** Has precedence over the model that the response names. */
  model: string | undefined;
  /** Whether a cost that the response reports has precedence over every price. */
  useReportedCost: boolean;
}

/**
 * Calculates costs from responses, texts, token counts and prompts, at the prices of a project. It runs before a transaction
 * is opened. All methods throw INVALID_FIELD and UNPRICED_MODEL.
 */
export interface Costing {
  ofCompletion(project: string, completion: CompletionInput): Promise<Costed>;
  ofText(project: string, text: TextInput, signal: AbortSignal | undefined): Promise<Costed>;
  ofUsage(project: string, model: string, usage: Usage): Promise<Costed>;
  project(project: string, call: ProjectedCall, signal: AbortSignal | undefined): Promise<Projection>;
  /**
   * The most that a call can cost: its prompt and `maxOutputTokens` of output. If the call does not set that, the model's own
   * maximum is used; if no price list has one, the rest of the model's context.
   */
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
        "is missing, and completion_model is empty: set one of them, so that the completion can be priced",
      );
    }
    checkName("completion.model", model);
    if (useReportedCost && reportedCostUsd !== undefined) return reported(model, usage, reportedCostUsd);
    return costed(await books.of(project), model, usage, "completion.usage");
  },

  async ofText(project, { model, input, output }, signal) {
    const book = await books.of(project);
    // Throws UNPRICED_MODEL before any tokens are counted.
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

/** The most output tokens of a model. If no price list has its maximum: the rest of its context after the prompt. */
function modelsOwnBound(book: PriceBook, model: string, inputTokens: number): OutputBound {
  const most = book.maxOutputTokens(model);
  if (most !== undefined)
    return { outputTokens: most, assumed: `output: up to ${most} tokens, the model's own maximum` };
  const context = book.contextTokens(model);
  if (context === undefined) {
    throw invalidField(
      "estimate.max_output_tokens",
      "is required: no price list has a maximum of output tokens for this model",
    );
  }
  const outputTokens = Math.max(0, context - inputTokens);
  return {
    outputTokens,
    assumed: `output: up to ${outputTokens} tokens, the rest of a context of ${context}`,
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

/** The cost that the provider reported. Purser trusts it as much as a cost that the caller gives. */
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

/** An INVALID_FIELD of a price book names the field `usage`. The caller's field may have another name, so this replaces it. */
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
