import { isObject, type Json } from "../json.ts";
import { type At, below, countAt, objectsOf, usageBelow } from "./fields.ts";
import { type Shape, tierOf } from "./shape.ts";

/**
 * Amazon Bedrock's converse: a whole response, or the metadata event at the end of its stream. `inputTokens` excludes
 * the cache. The response does not name the model, so the request must.
 */
export const bedrockConverse: Shape<"bedrock.converse"> = {
  name: "bedrock.converse",
  recognizes: (json) => hasUsage(json) || (isObject(json["metadata"]) && hasUsage(json["metadata"])),
  read(at) {
    const response = hasUsage(at.json) ? at : below(at, "metadata");
    const usage = usageBelow(response, "usage", "inputTokens");
    const cacheReadTokens = countAt(usage, "cacheReadInputTokens") ?? 0;
    const written = countAt(usage, "cacheWriteInputTokens") ?? 0;
    const hour = Math.min(hourWrites(usage), written);
    return {
      model: undefined,
      usage: {
        inputTokens: (countAt(usage, "inputTokens") ?? 0) + cacheReadTokens + written,
        outputTokens: countAt(usage, "outputTokens") ?? 0,
        cacheReadTokens,
        cacheWriteTokens: written - hour,
        cacheWrite1hTokens: hour,
        requests: 1,
        serviceTier: tierOf(below(response, "serviceTier").json["type"]),
      },
    };
  },
};

const hasUsage = (json: Json): boolean => {
  const { usage } = json;
  return isObject(usage) && usage["inputTokens"] !== undefined;
};

function hourWrites(usage: At): number {
  const hours = objectsOf(usage.json["cacheDetails"]).filter(({ ttl }) => ttl === "1h");
  return hours.reduce(
    (sum, json) => sum + (countAt({ json, path: `${usage.path}.cacheDetails` }, "inputTokens") ?? 0),
    0,
  );
}
