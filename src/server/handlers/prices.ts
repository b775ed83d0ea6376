import type { MessageInitShape } from "@bufbuild/protobuf";
import { type ModelPrice, ModelPriceSchema } from "../../../gen/es/budget/v1/price_pb.ts";
import { Failure, invalidField } from "../../domain/errors.ts";
import { checkProjectRates, type ProjectPrice, type ProjectRate } from "../../domain/prices/project.ts";
import { DIMENSIONS } from "../../domain/prices/rates.ts";
import { snakeCase } from "../../domain/usage.ts";
import type { StoredPrice } from "../../store/prices.ts";
import { tierFromMessage, tierToMessage } from "../convert-cost.ts";
import { checkCount, checkName, checkPageSize, toTimestamp } from "../fields.ts";
import { decodePageToken, encodePageToken } from "../page-token.ts";
import type { Handlers } from "../pipeline.ts";
import { messagesOf } from "../slices.ts";
import type { Services } from "./services.ts";

type PriceHandlers = Pick<Handlers, "setModelPrice" | "listModelPrices" | "deleteModelPrice">;

/** Handlers of the methods for the prices that a project sets. */
export const priceHandlers = ({ projectPrices }: Services): PriceHandlers => ({
  setModelPrice: async (request, { caller }) => {
    const project = checkName("project", request.project);
    const stored = await projectPrices.set(project, priceFromMessage(request.price), caller.actor);
    return { price: priceToMessage(stored) };
  },

  listModelPrices: async (request) => {
    const project = checkName("project", request.project);
    const limit = checkPageSize(request.pageSize);
    const scope = ["ListModelPrices", project];
    const [after] = decodePageToken(scope, request.pageToken, "text") ?? [];
    const { prices, more } = await projectPrices.list({ project, after, limit });
    return {
      prices: await messagesOf(ModelPriceSchema, prices, priceToMessage),
      nextPageToken: more ? encodePageToken(scope, [prices.at(-1)?.model ?? ""]) : "",
    };
  },

  deleteModelPrice: async (request, { caller }) => {
    const project = checkName("project", request.project);
    await projectPrices.remove(project, checkName("model", request.model), caller.actor);
    return {};
  },
});

const RATES_MAX = 100;
const PER_DEFAULT = 1_000_000;

function priceFromMessage(message: ModelPrice | undefined): ProjectPrice {
  if (message === undefined) throw invalidField("price", "is required");
  const model = checkName("price.model", message.model);
  if (message.rates.length > RATES_MAX)
    throw invalidField("price.rates", `must have at most ${RATES_MAX} items`);
  const rates = message.rates.map((rate, index): ProjectRate => {
    const field = `price.rates[${index}]`;
    return {
      dimension: dimensionFrom(`${field}.dimension`, rate.dimension),
      usd: rate.usd,
      per: checkCount(`${field}.per`, rate.per) || PER_DEFAULT,
      serviceTier: tierFromMessage(`${field}.service_tier`, rate.serviceTier),
      aboveInputTokens: checkCount(`${field}.above_input_tokens`, rate.aboveInputTokens),
    };
  });
  const problem = checkProjectRates(rates, "price.rates");
  if (problem !== undefined) throw new Failure(problem);
  return { model, rates };
}

function dimensionFrom(field: string, text: string): ProjectRate["dimension"] {
  const dimension = DIMENSIONS.find((each) => snakeCase(each) === text);
  if (dimension === undefined) {
    throw invalidField(field, `must be one of ${DIMENSIONS.map(snakeCase).join(", ")}`);
  }
  return dimension;
}

const priceToMessage = (price: StoredPrice): MessageInitShape<typeof ModelPriceSchema> => ({
  model: price.model,
  rates: price.rates.map((rate) => ({
    dimension: snakeCase(rate.dimension),
    usd: rate.usd,
    per: BigInt(rate.per),
    serviceTier: tierToMessage(rate.serviceTier),
    aboveInputTokens: BigInt(rate.aboveInputTokens ?? 0),
  })),
  updateTime: toTimestamp(price.updatedAtUs),
});
