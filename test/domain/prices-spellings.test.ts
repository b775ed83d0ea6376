import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  canonical,
  fineTunedBase,
  isVersionOf,
  regionAssumed,
  sameMajor,
  splitBedrock,
  splitProvider,
  withDashedDate,
  withoutDate,
} from "../../src/domain/prices/names.ts";
import { fileProviders, genaiProvider } from "../../src/domain/prices/providers.ts";

describe("what follows the name of a family", () => {
  const versionsOf = (rule: string, ...rests: string[]) =>
    rests.filter((rest) => isVersionOf(rule, "", rest));

  it("is a version if it consists of dates, numbers and words for a version", () => {
    const versions = [
      "",
      "-20250929",
      "@20250929",
      "-202509-29",
      "-09-2025",
      "-05-20",
      "-2025-05-20",
      "-0613",
      "-001",
      "@001",
      "-latest",
      "@default",
      "-preview",
      "-experimental",
      "-exp",
      "-v1",
      "@v1.2",
      "-v1:0",
      ":200k",
      "-preview-05-20",
    ];
    assert.deepEqual(versionsOf("m", ...versions), versions);
  });

  it("is another model if it is anything else", () => {
    const others = [
      "-mini",
      "x",
      "-1",
      "-12",
      "-20251301",
      "-13-2025",
      "-latest-mini",
      "latest",
      "-20250929x",
      ":k",
    ];
    assert.deepEqual(versionsOf("m", ...others), []);
  });

  it("may be the start of a version or a size, after a rule that ends in a dash or an at sign", () => {
    const tails = ["05-20", "12", "0613", "20250929", "latest", "default", "7b", "27b-it"];
    assert.deepEqual(versionsOf("m-", ...tails), tails);
    assert.deepEqual(versionsOf("m@", "latest"), ["latest"]);
    assert.deepEqual(versionsOf("m", ...tails), []);
    assert.deepEqual(versionsOf("m-", "1", "12345", "mini", "1234b", "7b-it-x"), []);
  });

  it("belongs to the family only if a place comes before the name", () => {
    const places = ["", "us.", "global.", "models/", "publishers/google/models/"];
    const others = ["u.", "regions.", "my-", "us-gov.", "model/", "US."];
    assert.deepEqual(
      [...places, ...others].filter((before) => isVersionOf("m", before, "-latest")),
      places,
    );
  });
});

describe("two names", () => {
  it("cannot be one model if their major versions differ", () => {
    assert.ok(sameMajor("a-v1", "b-v1:0") && sameMajor("a", "b-v2:0") && sameMajor("a-v1", "b"));
    assert.ok(!sameMajor("a-v1", "b-v2:0") && !sameMajor("a-v2:1", "b-v1"));
  });
});

/** Each table has a text, and what becomes of it. */
const CHANGES: [what: string, change: (text: string) => unknown, rows: [text: string, result: unknown][]][] =
  [
    [
      "the date of a snapshot is removed",
      withoutDate,
      [
        ["gpt-4.1-2025-04-14", "gpt-4.1"],
        ["claude-20250929", "claude"],
        ["gpt-4.1", undefined],
        ["gpt-4.1-2025-04-14-x", undefined],
        ["gpt-0613", undefined],
      ],
    ],
    [
      "a compact date gets dashes",
      withDashedDate,
      [
        ["m-20250414", "m-2025-04-14"],
        ["m-20250414-v1:0", "m-2025-04-14-v1:0"],
        ["m-20250414:0", "m-2025-04-14:0"],
        ["m-202504141", "m-202504141"],
        ["m-20251314", "m-20251314"],
      ],
    ],
    [
      "a name is split at its first slash",
      splitProvider,
      [
        ["openai/gpt-4o", ["openai", "gpt-4o"]],
        ["a/b/c", ["a", "b/c"]],
        ["a/b", ["a", "b"]],
        ["gpt-4o", undefined],
        ["/a", undefined],
        ["a/", undefined],
        ["/", undefined],
      ],
    ],
    [
      "a name of Amazon is split into model and region",
      splitBedrock,
      [
        ["meta.llama3", { model: "meta.llama3", region: undefined }],
        ["eu-west-2/meta.llama3", { model: "meta.llama3", region: "eu-west-2" }],
        ["converse/eu-west-2/meta.llama3", { model: "meta.llama3", region: "eu-west-2" }],
        ["eu-west-2/invoke/meta.llama3", { model: "meta.llama3", region: "eu-west-2" }],
        ["us-gov-west-1/meta.llama3", { model: "us-gov-west-1/meta.llama3", region: undefined }],
      ],
    ],
    [
      "a name is in lower case, without spaces around it and without a cloud's resource path",
      canonical,
      [
        [" GPT-4o ", "gpt-4o"],
        ["projects/p/locations/l/publishers/google/models/gemini-pro", "gemini-pro"],
        ["projects/p/locations/l/models/gemini-pro", "gemini-pro"],
        ["publishers/google/models/gemini-pro", "gemini-pro"],
        ["models/gemini-pro", "gemini-pro"],
        ["projects/p/locations/l/endpoints/7", "projects/p/locations/l/endpoints/7"],
        ["arn:aws:bedrock:us-east-1:123:inference-profile/us.amazon.nova", "us.amazon.nova"],
        ["arn:aws-us-gov:bedrock:r::foundation-model/m", "m"],
        [
          "arn:aws:bedrock:us-east-1:123:inference-profile/",
          "arn:aws:bedrock:us-east-1:123:inference-profile/",
        ],
      ],
    ],
    [
      "the base of a fine-tuned model is found",
      fineTunedBase,
      [
        ["ft:gpt-4o-mini:org::id", "gpt-4o-mini"],
        ["ft:gpt-4o-mini", "gpt-4o-mini"],
        ["gpt-4o-mini.ft-id", "gpt-4o-mini"],
        ["a/b.ft-id", "a/b"],
        ["a.ft-x/b", undefined],
        [".ft-id", undefined],
        ["gpt-4o", undefined],
        ["ft:", undefined],
      ],
    ],
    [
      "the provider is named as in genai-prices",
      genaiProvider,
      [
        ["gemini", "google"],
        ["vertex_ai", "google"],
        ["vertex", "google"],
        ["vertex_ai_beta", "google"],
        ["bedrock", "aws"],
        ["bedrock_converse", "aws"],
        ["amazon", "aws"],
        ["azure_ai", "azure"],
        ["azure_text", "azure"],
        ["text-completion-openai", "openai"],
        ["cohere_chat", "cohere"],
        ["xai", "x-ai"],
        ["together_ai", "together"],
        ["together-ai", "together"],
        ["fireworks_ai", "fireworks"],
        ["voyage", "voyageai"],
        ["moonshot", "moonshotai"],
        ["github_copilot", "github-copilot"],
        ["openai", "openai"],
        ["nobody", "nobody"],
      ],
    ],
    [
      "the provider is named as in a price file, after the given name",
      fileProviders,
      [
        ["google", ["google", "gemini", "vertex_ai"]],
        ["vertex", ["vertex", "vertex_ai"]],
        ["vertex_ai_beta", ["vertex_ai_beta", "vertex_ai"]],
        ["aws", ["aws", "bedrock"]],
        ["bedrock_converse", ["bedrock_converse", "bedrock"]],
        ["amazon", ["amazon", "bedrock"]],
        ["x-ai", ["x-ai", "xai"]],
        ["together", ["together", "together_ai"]],
        ["together-ai", ["together-ai", "together_ai"]],
        ["fireworks", ["fireworks", "fireworks_ai"]],
        ["voyageai", ["voyageai", "voyage"]],
        ["moonshotai", ["moonshotai", "moonshot"]],
        ["github-copilot", ["github-copilot", "github_copilot"]],
        ["azure_ai", ["azure_ai"]],
        ["openai", ["openai"]],
      ],
    ],
  ];

for (const [what, change, rows] of CHANGES) {
  describe(`in the name of a model, ${what}:`, () => {
    for (const [text, result] of rows) {
      it(`${text} becomes ${JSON.stringify(result)}`, () => assert.deepEqual(change(text), result));
    }
  });
}

describe("the price of another region", () => {
  it("is reported with the name and the region", () => {
    assert.equal(regionAssumed("eu/m", "eu"), "model: eu/m is priced without regard to its region, eu");
  });
});
