import { ServiceTier } from "../../gen/es/budget/v1/cost_pb.ts";
import type { FrozenRequest } from "./frozen-requests.ts";

const user = "alice";
const model = "gpt-4o";

const COMPLETION = {
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "gpt-4o-2024-08-06",
  choices: [{ index: 0, message: { role: "assistant", content: "", refusal: null }, logprobs: null }],
  usage: { prompt_tokens: 19, completion_tokens: 10, total_tokens: 29, cost: 0.25, empty: {}, none: [] },
};

const COST = { case: "cost", value: { model, costNanoUsd: 12_345n } } as const;

/** The part of FROZEN_REQUESTS that is for UpdateCost. */
export const FROZEN_CHARGES: readonly FrozenRequest[] = [
  {
    what: "a known cost",
    call: "updateCost",
    init: { user, source: COST },
    v1: "BgPlekhqpqmkLmRsVJJ4dc",
    v2: "2.zUkQTHkb4ctlddGgLhUXRH",
  },
  {
    what: "a known cost of zero",
    call: "updateCost",
    init: { user, source: { case: "cost", value: { model, costNanoUsd: 0n } } },
    v1: "HTJdJcH0SMkvZFOufaVoMx",
    v2: "2.WGz3Wca4lkvQ5OddynlbxJ",
  },
  {
    what: "the cost of a reservation",
    call: "updateCost",
    init: { user, reservationId: "r-1", source: COST },
    v1: "TTsJ1LHFV00k7d4KVqF46k",
    v2: "2._ZmgWs8Et5njcxXClcBg-v",
  },
  {
    what: "a usage",
    call: "updateCost",
    init: { user, source: { case: "usage", value: { model, inputTokens: 1200n, outputTokens: 300n } } },
    v1: "pj8ooOmtzPsRH5dYZwFy_e",
    v2: "2.nyP_PkJNzYPkb1Z3EJ35OY",
  },
  {
    what: "a usage of nothing",
    call: "updateCost",
    init: { user, source: { case: "usage", value: { model } } },
    v1: "xb1NSErVYV9Fc4vn1n5SmL",
    v2: "2.6tdoo3Durkbva0eWS9SBHi",
  },
  {
    what: "a usage with every field",
    call: "updateCost",
    init: {
      user,
      source: {
        case: "usage",
        value: {
          model,
          inputTokens: 1000n,
          outputTokens: 900n,
          cacheReadTokens: 102n,
          cacheWriteTokens: 103n,
          cacheWrite1hTokens: 104n,
          reasoningTokens: 105n,
          inputAudioTokens: 106n,
          outputAudioTokens: 107n,
          inputImageTokens: 108n,
          outputImageTokens: 109n,
          inputCharacters: 110n,
          outputCharacters: 111n,
          inputSeconds: 1.25,
          outputSeconds: 0.1,
          images: 112n,
          pixels: 113n,
          pages: 114n,
          searchQueries: 115n,
          requests: 116n,
          serviceTier: ServiceTier.FLEX,
          cacheReadAudioTokens: 7n,
          cacheReadImageTokens: 8n,
        },
      },
    },
    v1: "smLpq5o83EhK4LFMF5bQPG",
    v2: "2._1WxVcJ4dzlrJjR-_MYWc9",
  },
  {
    what: "texts",
    call: "updateCost",
    init: {
      user,
      source: { case: "text", value: { model, inputText: "How are you?", outputText: 'Fine, "thanks".\n' } },
    },
    v1: "5k4U9YCF7QkY3OJdE1WTwo",
    v2: "2.Kd9pIYjKBqGNLqe4ZNh1HE",
  },
  {
    what: "texts without an output",
    call: "updateCost",
    init: { user, source: { case: "text", value: { model, inputText: "\u00fc\ud83d\ude00" } } },
    v1: "8uI1GMkD68jsN9P_1DE3UK",
    v2: "2.tDaR3Hqamo9anRKBWFgvbf",
  },
  {
    what: "a completion",
    call: "updateCost",
    init: { user, source: { case: "completion", value: COMPLETION } },
    v1: "jlbYgwpHoMIUUbcMhfM3h3",
    v2: "2.mKGrgqleD6N6lI2KFdPN14",
  },
  {
    what: "a completion with a model",
    call: "updateCost",
    init: { user, completionModel: "gpt-4o-mini", source: { case: "completion", value: COMPLETION } },
    v1: "C2WIkNL_fjwu7OjZaDhoFx",
    v2: "2.a57WYj_dEbHncl-J4cpZ-x",
  },
  {
    what: "a completion with the cost that it reports",
    call: "updateCost",
    init: { user, useReportedCost: true, source: { case: "completion", value: COMPLETION } },
    v1: "su3dWE4WX1w09JzYP2N-1N",
    v2: "2.h_m2tXMalAR9GQchzk6GQS",
  },
];
