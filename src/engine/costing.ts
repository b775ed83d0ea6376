import { readCompletion } from "../domain/completion.ts";
import { invalidField } from "../domain/errors.ts";
import type { NanoUsd } from "../domain/money.ts";
import { checkName } from "../domain/name.ts";
import type { PriceBook, Priced } from "../domain/prices.ts";
import type { Usage } from "../domain/usage.ts";
import { TEXT_BYTES_MAX, type TokenCounter } from "../workers/tokens.ts";

/** How a charge was priced: kept in the ledger as JSON, in enough detail to compute it again. */
export interface CostDetail {
  usage: Usage;
  price: Pick<Priced, "matchedModel" | "source" | "lines" | "assumed">;
}

/** A cost and where it came from. */
export interface Costed {
  /** As the caller, or the provider's response, named it. */
  model: string;
  costNanoUsd: NanoUsd;
  /** A CostDetail as JSON. */
  detail: string;
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

/** From what callers have to what it costs. Everything here happens before a transaction opens. */
export interface Costing {
  ofCompletion(json: unknown): Costed;
  ofText(model: string, input: string, output: string, signal: AbortSignal | undefined): Promise<Costed>;
  ofUsage(model: string, usage: Usage): Costed;
  project(
    model: string,
    prompt: Prompt,
    maxOutputTokens: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Projection>;
}

export function createCosting(prices: PriceBook, tokens: TokenCounter): Costing {
  const ofUsage = (model: string, usage: Usage): Costed => {
    const { costNanoUsd, matchedModel, source, lines, assumed } = prices.priceUsage(model, usage);
    const detail: CostDetail = { usage, price: { matchedModel, source, lines, assumed } };
    return { model, costNanoUsd, detail: JSON.stringify(detail) };
  };
  return {
    ofUsage,

    ofCompletion(json) {
      const { model, usage } = readCompletion(json);
      if (model === undefined) throw invalidField("completion.model", "is required, to price it");
      return ofUsage(checkName("completion.model", model), usage);
    },

    async ofText(model, input, output, signal) {
      // A model without a price needs no counting.
      prices.priceUsage(model, { inputTokens: 1, outputTokens: 1 });
      const [inputTokens, outputTokens] = await Promise.all([
        tokens.count({ model, text: checkText("text.input_text", input) }, signal),
        tokens.count({ model, text: checkText("text.output_text", output) }, signal),
      ]);
      return ofUsage(model, { inputTokens, outputTokens });
    },

    async project(model, prompt, maxOutputTokens, signal) {
      prices.priceUsage(model, { inputTokens: 1 });
      const promptTokens = await countPrompt(tokens, model, prompt, signal);
      const usage: Usage = { inputTokens: promptTokens };
      const price = prices.priceUsage(model, usage);
      return {
        promptTokens,
        promptCostNanoUsd: price.costNanoUsd,
        price,
        worstCaseNanoUsd:
          maxOutputTokens === undefined
            ? undefined
            : prices.priceUsage(model, { ...usage, outputTokens: maxOutputTokens }).costNanoUsd,
        affordableOutputTokens: (remainingNanoUsd) =>
          prices.outputTokensAffordable(model, usage, remainingNanoUsd),
      };
    },
  };
}

const countPrompt = (
  tokens: TokenCounter,
  model: string,
  prompt: Prompt,
  signal: AbortSignal | undefined,
): Promise<number> =>
  "text" in prompt
    ? tokens.count({ model, text: checkText("text", prompt.text) }, signal)
    : tokens.count({ model, ...prompt }, signal);

function checkText(field: string, text: string): string {
  if (Buffer.byteLength(text) > TEXT_BYTES_MAX) {
    throw invalidField(field, `must be at most ${TEXT_BYTES_MAX} bytes of UTF-8`);
  }
  return text;
}
