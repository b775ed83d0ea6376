import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  canonical,
  fineTunedBase,
  isVersionOf,
  sameMajor,
  splitBedrock,
  splitProvider,
  withDashedDate,
  withoutDate,
} from "../../src/domain/prices/names.ts";
import { fileProviders, genaiProvider } from "../../src/domain/prices/providers.ts";

/** Asserts what a function makes of each text. */
function makes<T>(of: (text: string) => T, rows: readonly (readonly [text: string, result: T])[]): void {
  for (const [text, result] of rows) assert.deepEqual(of(text), result, text);
}

describe("the rest of a model's name", () => {
  it("is a version if it is made of dates, build numbers and words for a version", () => {
    for (const version of [
      "",
      "-20250929",
      "@20250929",
      "-202509-29",
      "-09-2025",
      "-05-20",
      "-0613",
      "-001",
      "@001",
      "-2025-05-20",
      "-latest",
      "@default",
      "-preview",
      "-experimental",
      "-exp",
      "-v1",
      "@v1.5.2",
      ":0",
      ":200k",
      "-20250929-v1:0",
      "-preview-05-20",
    ]) {
      assert.ok(isVersionOf("rule", "", version), version);
    }
  });

  it("is no version if it has anything else", () => {
    for (const other of [
      "-mini",
      "-20251329",
      "-20250932",
      "-19990101",
      "-13-2025",
      "-1",
      "-12",
      "-12345",
      "-latest-mini",
      "latest",
      "-v",
      "-v1.",
      ":k",
      "-20250929x",
      " ",
    ]) {
      assert.ok(!isVersionOf("rule", "", other), other);
    }
  });

  it("may be the start of a version or a size if the rule ends in a separator", () => {
    for (const tail of [
      "05-20",
      "12",
      "123",
      "1234",
      "20250929",
      "latest",
      "default",
      "7b",
      "27b-it",
      "123b",
    ]) {
      assert.ok(isVersionOf("rule-", "", tail), tail);
      assert.ok(isVersionOf("rule@", "", tail), tail);
      assert.ok(!isVersionOf("rule", "", tail), tail);
    }
    for (const tail of ["1", "12345", "1234b", "7b-chat", "mini", "19990101"]) {
      assert.ok(!isVersionOf("rule-", "", tail), tail);
    }
  });

  it("follows at most a place that does not change the price", () => {
    for (const place of ["", "us.", "apac.", "global.", "models/", "publishers/google-1/models/"]) {
      assert.ok(isVersionOf("rule", place, ""), place);
    }
    for (const other of [
      "u.",
      "us-gov.",
      "toolong.",
      "us",
      "my-",
      "models",
      "publishers/google/",
      "us.us.",
    ]) {
      assert.ok(!isVersionOf("rule", other, ""), other);
    }
  });
});

describe("two names of a model", () => {
  it("have the same major version, unless both give one and they differ", () => {
    assert.ok(sameMajor("m-v1", "m-v1:0"));
    assert.ok(sameMajor("m-v1", "m"));
    assert.ok(sameMajor("m", "m-v2:0"));
    assert.ok(sameMajor("m", "n"));
    assert.ok(!sameMajor("m-v1", "m-v2:0"));
    assert.ok(!sameMajor("m-v1:0", "m-v11:0"));
  });
});

describe("a date in a name", () => {
  it("is removed from the end", () => {
    makes(withoutDate, [
      ["gpt-4.1-2025-04-14", "gpt-4.1"],
      ["claude-20250929", "claude"],
      ["gpt-4.1", undefined],
      ["gpt-2025-04-14-mini", undefined],
      ["gpt-1999-04-14", undefined],
      ["gpt-202504141", undefined],
    ]);
  });

  it("is written with dashes", () => {
    makes(withDashedDate, [
      ["claude-20250929", "claude-2025-09-29"],
      ["claude-20250929-v1:0", "claude-2025-09-29-v1:0"],
      ["claude-20250929:0", "claude-2025-09-29:0"],
      ["claude-20251009", "claude-2025-10-09"],
      ["claude-20251231", "claude-2025-12-31"],
      ["claude-20250100", "claude-20250100"],
      ["claude-20251329", "claude-20251329"],
      ["claude-202509290", "claude-202509290"],
      ["claude", "claude"],
    ]);
  });
});

describe("a prefix of a name", () => {
  it("is the provider, up to the first slash", () => {
    makes(splitProvider, [
      ["openai/gpt-4o", ["openai", "gpt-4o"]],
      ["groq/openai/gpt", ["groq", "openai/gpt"]],
      ["gpt-4o", undefined],
      ["/gpt-4o", undefined],
      ["openai/", undefined],
      ["a/b", ["a", "b"]],
    ]);
  });

  it("is a route and a region of Amazon Bedrock", () => {
    makes(splitBedrock, [
      ["converse/eu-west-2/meta.llama3", { model: "meta.llama3", region: "eu-west-2" }],
      ["eu-west-2/converse/meta.llama3", { model: "meta.llama3", region: "eu-west-2" }],
      ["invoke/meta.llama3", { model: "meta.llama3", region: undefined }],
      ["converse_like/meta.llama3", { model: "meta.llama3", region: undefined }],
      ["us-gov-west-1/meta.llama3", { model: "us-gov-west-1/meta.llama3", region: undefined }],
      ["meta.llama3", { model: "meta.llama3", region: undefined }],
    ]);
  });

  it("is the path of a resource in a cloud", () => {
    makes(canonical, [
      [" GPT-4o ", "gpt-4o"],
      ["projects/p/locations/l/publishers/google/models/gemini-pro", "gemini-pro"],
      ["publishers/google/models/gemini-pro", "gemini-pro"],
      ["models/gemini-pro", "gemini-pro"],
      ["projects/p/locations/l/endpoints/1", "projects/p/locations/l/endpoints/1"],
      ["arn:aws:bedrock:us-east-1::foundation-model/meta.llama3", "meta.llama3"],
      ["arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/x", "x"],
      ["arn:aws:s3:::bucket/x", "arn:aws:s3:::bucket/x"],
    ]);
  });
});

describe("a fine-tuned model", () => {
  it("names its base before the organization, or before .ft-", () => {
    makes(fineTunedBase, [
      ["ft:gpt-4o-mini:org::id", "gpt-4o-mini"],
      ["ft:gpt-4o-mini", "gpt-4o-mini"],
      ["ft:", undefined],
      ["my-ft:gpt", undefined],
      ["gpt-4o-mini.ft-123", "gpt-4o-mini"],
      [".ft-123", undefined],
      ["x.ft-1", "x"],
      ["a.ft-1/gpt", undefined],
      ["a/b.ft-1", "a/b"],
      ["gpt-4o-mini", undefined],
    ]);
  });
});

describe("a provider", () => {
  it("has one name in genai-prices", () => {
    makes(genaiProvider, [
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
      ["unheard-of", "unheard-of"],
    ]);
  });

  it("has its own name and others in a price file", () => {
    makes(fileProviders, [
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
      ["azure", ["azure"]],
      ["openai", ["openai"]],
      ["gemini", ["gemini"]],
      ["unheard-of", ["unheard-of"]],
    ]);
  });
});
