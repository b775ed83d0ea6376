import type { MessageInitShape } from "@bufbuild/protobuf";
import type { UpdateCostRequestSchema } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { plainJson } from "./plain-json.ts";

/** What a call cost, known in one of two ways: from the provider's response, or from its texts. */
export interface CostOptions {
  /** The provider's response: an object of its SDK, or plain JSON. Of a stream, the last event that has usage. */
  completion?: object;
  /**
   * Beside the texts, the model that was called. Beside a completion, the model to price it at: needed where the response
   * names none, as Bedrock's do not.
   */
  model?: string;
  /** What was sent. */
  inputText?: string;
  /** What came back. */
  outputText?: string;
  /** The same id charges once, whoever sends it and when. Up to 128 bytes. Default: a new one. */
  requestId?: string;
}

type CostSource = Pick<MessageInitShape<typeof UpdateCostRequestSchema>, "source" | "completionModel">;

/** As LiteLLM's update_cost: the texts, where all three are there, go before the completion. @throws TypeError */
export function sourceOf({ completion, model, inputText, outputText }: CostOptions): CostSource {
  if (model && inputText && outputText) {
    return { source: { case: "text", value: { model, inputText, outputText } } };
  }
  if (completion) {
    const value = plainJson("completion", completion);
    return { source: { case: "completion", value }, completionModel: model ?? "" };
  }
  throw new TypeError(
    "updateCost: needs either `completion`, or `model`, `inputText` and `outputText`, none of them empty",
  );
}
