import type { JsonObject } from "@bufbuild/protobuf";
import { remaining } from "../../domain/budget.ts";
import { Failure, invalidField } from "../../domain/errors.ts";
import { addMoney } from "../../domain/money.ts";
import type { Prompt } from "../../engine/pricing/costing.ts";
import { priceToMessage } from "../convert-cost.ts";
import { checkCount, checkName } from "../fields.ts";
import type { Handlers } from "../pipeline.ts";
import { checkBudgetName } from "./budgets.ts";
import type { Services } from "./services.ts";

/** Handler of ProjectedCost. */
export const projectionHandlers = ({ reader, costing }: Services): Pick<Handlers, "projectedCost"> => ({
  projectedCost: async (request, context) => {
    const name = checkBudgetName(request);
    const model = checkName("model", request.model);
    const maxOutputTokens =
      request.maxOutputTokens === undefined
        ? undefined
        : checkCount("max_output_tokens", request.maxOutputTokens);
    const prompt = promptOf(request);
    // Checks that the budget exists before the costly count of the prompt's tokens.
    await reader.current(name);
    const projection = await costing.project(
      name.project,
      { model, prompt, maxOutputTokens },
      context.signal,
    );
    const { budget } = await reader.current(name);
    const left = remaining(budget);
    const projectedCostNanoUsd = addMoney(budget.spentNanoUsd, projection.promptCostNanoUsd);
    if (projectedCostNanoUsd === undefined) throw new Failure({ reason: "AMOUNT_OVERFLOW", ...name });
    const affordable = projection.affordableOutputTokens(left);
    return {
      promptTokens: BigInt(projection.promptTokens),
      promptCostNanoUsd: projection.promptCostNanoUsd,
      currentCostNanoUsd: budget.spentNanoUsd,
      projectedCostNanoUsd,
      worstCaseCostNanoUsd: projection.worstCaseNanoUsd,
      remainingNanoUsd: left,
      withinBudget: (projection.worstCaseNanoUsd ?? projection.promptCostNanoUsd) <= left,
      maxAffordableOutputTokens: affordable === undefined ? undefined : BigInt(affordable),
      price: priceToMessage(projection.price),
    };
  },
});

interface PromptFields {
  messages: JsonObject[];
  tools: JsonObject[];
  text: string;
}

/** The prompt: a chat with its tools, or plain text. `at` is the path of the fields in the request. */
export function promptOf({ messages, tools, text }: PromptFields, at = ""): Prompt {
  if (messages.length > 0 && text !== "")
    throw invalidField(`${at}text`, "must be empty if messages are given");
  if (messages.length === 0 && text === "")
    throw invalidField(`${at}messages`, "is required if text is empty");
  if (messages.length === 0 && tools.length > 0)
    throw invalidField(`${at}tools`, "is allowed only with messages");
  return messages.length > 0 ? { messages, tools } : { text };
}
