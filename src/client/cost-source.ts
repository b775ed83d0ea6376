import type { MessageInitShape } from "@bufbuild/protobuf";
import type { UpdateCostRequestSchema } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { plainJson } from "./plain-json.ts";

/** The cost of a call, given by the provider's response or by its texts. */
export interface CostOptions {
  /** The provider's response: an object of its SDK, or plain JSON. For a stream, the last event with usage. */
  completion?: object;
  /**
   * With texts, the called model. With a completion, the model that prices it: required if the response does not name
   * the model, as with Bedrock.
   */
  model?: string;
  /** The text sent to the model. */
  inputText?: string;
  /** The text that the model returned. */
  outputText?: string;
  /** The request id, up to 128 bytes. Calls with the same id are charged once. Default: a new id. */
  requestId?: string;
}

type CostSource = Pick<MessageInitShape<typeof UpdateCostRequestSchema>, "source" | "completionModel">;

/**
 * As in LiteLLM's update_cost, the texts take precedence over the completion if all three are given. @throws TypeError
 */
export function sourceOf({ completion, model, inputText, outputText }: CostOptions): CostSource {
  if (model && inputText && outputText) {
    return { source: { case: "text", value: { model, inputText, outputText } } };
  }
  if (completion) {
    const value = plainJson("completion", completion);
    return { source: { case: "completion", value }, completionModel: model ?? "" };
  }
  throw new TypeError(
    "updateCost: needs `completion`, or all of `model`, `inputText` and `outputText`; none may be empty",
  );
}
