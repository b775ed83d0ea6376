import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { flagOf, HELP, readArguments, UsageError } from "../../scripts/prices/arguments.ts";
import { USAGE_NUMBERS } from "../../src/domain/usage.ts";
import { ROOT } from "../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "purser-prices-script-"));
after(() => rmSync(folder, { recursive: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The output of `npm run prices -- ...`. */
function prices(...args: string[]): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/prices.ts", ...args], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return { code: status, stdout, stderr };
}

function fileOf(name: string, models: object, more = 50): string {
  const path = join(folder, name);
  const fillers = Array.from({ length: more }, (_, index) => [
    `in-house-${index}`,
    { litellm_provider: "in-house", mode: "chat", input_cost_per_token: 1e-6 },
  ]);
  writeFileSync(path, JSON.stringify({ ...Object.fromEntries(fillers), ...models }));
  return path;
}

const explained = (...args: string[]): string => {
  const { code, stdout, stderr } = prices(...args);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
};

suite("npm run prices explains", () => {
  test("which price matched, each line, the sum and the rounding", () => {
    assert.equal(
      explained("gpt-4o-mini", "--input", "1000", "--output", "500"),
      `gpt-4o-mini is openai/gpt-4o-mini of genai-prices

dimension  quantity      rate  per             cost
input          1000  0.15 USD  1000000 tokens  0.00015 USD
output          500   0.6 USD  1000000 tokens  0.0003 USD

sum      0.00045 USD
rounded  450000 nano-USD, exactly
`,
    );
  });

  test("its assumptions, and that half a nano-dollar is rounded up", () => {
    const args = ["azure/gpt-4o-mini", "--input", "1001", "--cache-read", "1", "--tier", "batch"];
    assert.equal(
      explained(...args, "--searches", "1"),
      `azure/gpt-4o-mini is openai/gpt-4o-mini of genai-prices

dimension      quantity        rate  per             cost
input              1000   0.075 USD  1000000 tokens  0.000075 USD
cacheRead             1  0.0375 USD  1000000 tokens  0.0000000375 USD
searchQueries         1      10 USD  1000 queries    0.01 USD

sum      0.0100750375 USD
rounded  10075038 nano-USD, once, half away from zero

assumed
- model: azure is priced as openai
- input: no batch rate, half of the standard rate
- cacheRead: no batch rate, half of the standard rate
- searchQueries: no batch rate, standard rate
`,
    );
  });

  test("a cost with infinitely many decimals", () => {
    assert.match(
      explained("groq/whisper-large-v3", "--input-seconds", "13"),
      /^inputSeconds +13 +0\.111 USD +3600 seconds +0\.0004008333333333\d+\.\.\. USD\n\nsum +0\.00040083333\d+\.\.\. USD\nrounded +400833 nano-USD/m,
    );
  });

  test("the prices of a price file first, with every kind of amount", () => {
    const file = fileOf("first.json", {
      "gpt-4o-mini": {
        litellm_provider: "openai",
        mode: "chat",
        input_cost_per_token: 2e-6,
        cache_creation_input_token_cost: 3e-6,
        cache_creation_input_token_cost_above_1hr: 4e-6,
        input_cost_per_audio_token: 5e-6,
        output_cost_per_token: 6e-6,
        output_cost_per_reasoning_token: 7e-6,
        output_cost_per_audio_token: 8e-6,
        output_cost_per_image: 0.09,
      },
    });
    const amounts =
      "--input 100 --cache-write 10 --cache-write-1h 20 --input-audio 30 --output 50 --reasoning 10 --output-audio 20 --images 2";
    assert.equal(
      explained("openai/gpt-4o-mini", ...amounts.split(" "), "--file", file),
      `openai/gpt-4o-mini is gpt-4o-mini of the price file

dimension     quantity      rate  per             cost
input               40     2 USD  1000000 tokens  0.00008 USD
cacheWrite          10     3 USD  1000000 tokens  0.00003 USD
cacheWrite1h        20     4 USD  1000000 tokens  0.00008 USD
inputAudio          30     5 USD  1000000 tokens  0.00015 USD
output              20     6 USD  1000000 tokens  0.00012 USD
reasoning           10     7 USD  1000000 tokens  0.00007 USD
outputAudio         20     8 USD  1000000 tokens  0.00016 USD
images               2  0.09 USD  1 images        0.18 USD

sum      0.18069 USD
rounded  180690000 nano-USD, exactly
`,
    );
  });

  test("its own usage", () => {
    const help = explained("--help");
    for (const flag of ["--cache-read-audio", "--input-seconds", "--searches", "--tier", "--file"]) {
      assert.ok(help.includes(flag), flag);
    }
  });
});

suite("npm run prices exits", () => {
  const refused = (code: number, why: string | RegExp, ...args: string[]): void => {
    const ended = prices(...args);
    assert.deepEqual([ended.code, ended.stdout], [code, ""], args.join(" "));
    if (typeof why === "string") assert.equal(ended.stderr, `prices: ${why}\n`);
    else assert.match(ended.stderr, why);
  };

  test("with 1 if a model has no price, and names the nearest models", () => {
    refused(
      1,
      'no price is known for model "gpt-4o-minime"; nearest: gpt-4o-mini, gpt-4o-mini-tts, gpt-4.1-mini',
      "gpt-4o-minime",
      "--input",
      "1",
    );
  });

  test("with 1 if a file cannot be used", () => {
    refused(1, /^prices: cannot read the file: ENOENT[^\n]+\n$/, "compare", join(folder, "none.json"));
    const small = fileOf("small.json", {}, 3);
    refused(1, `${small}: it has 3 models with a usable price, fewer than 50`, "compare", small);
    refused(
      1,
      `${small}: it has 3 models with a usable price, fewer than 50`,
      "gpt-4o",
      "--input",
      "1",
      "--file",
      small,
    );
    const broken = join(folder, "broken.json");
    writeFileSync(broken, "{");
    refused(1, /broken\.json: it is not JSON: [^\n]+\n$/, "compare", broken);
  });

  test("with 2 if the command line is invalid", () => {
    refused(2, "which model? Try --help");
    refused(2, "Unknown option '--inputs'", "gpt-4o", "--inputs", "1");
  });
});

const NONSENSE: [line: string, why: string][] = [
  ["gpt-4o", "how much of it? Give an amount, such as --input 1000"],
  ["gpt-4o gpt-5 --input 1", "one model at a time: gpt-4o, or gpt-5?"],
  ["gpt-4o --input", "Option '--input <value>' argument missing"],
  ["gpt-4o --input -1", "--input: must be a value that starts with no dash"],
  ["gpt-4o --input=-1", '--input: must be a number of at least 0, and is "-1"'],
  ["gpt-4o --input 1e3", '--input: must be a number of at least 0, and is "1e3"'],
  ["gpt-4o --input 1.5", "--input: must be an integer from 0 to 2^53-1, and is 1.5"],
  [
    "gpt-4o --input 1 --cache-read 2 --input-audio 1",
    "--input: is 1, less than its parts: --cache-read + --input-audio = 3",
  ],
  ["gpt-4o --input 1 --tier fast", '--tier: must be one of standard, flex, priority, batch, and is "fast"'],
  ["compare", "compare with which file?"],
  ["compare a b", "compare takes one file and nothing else, not b"],
  ["compare a --input 1", "compare takes one file and nothing else, not --input"],
];

for (const [line, why] of NONSENSE) {
  test(`prices ${line}: ${why}`, () => {
    assert.throws(
      () => readArguments(line.split(" ")),
      (error) => error instanceof UsageError && error.message === why,
    );
  });
}

test("every number of a usage has a flag, and zero counts as an amount", () => {
  for (const field of USAGE_NUMBERS) {
    const read = readArguments(["m", `--${flagOf(field)}`, "0"]);
    assert.deepEqual(read.kind === "explain" && read.usage, { [field]: 0 });
    assert.ok(HELP.includes(`--${flagOf(field)} N`), field);
  }
});

test("npm run prices -- compare lists models that only one source has, and prices that differ by more than 1%", () => {
  const file = fileOf("compared.json", {
    // As in genai-prices, except for the cache, and within 1% for output.
    "gpt-4o-mini": {
      litellm_provider: "openai",
      mode: "chat",
      input_cost_per_token: 1.5e-7,
      output_cost_per_token: 6.05e-7,
      cache_read_input_token_cost: 1.5e-8,
    },
    "claude-sonnet-4-5": {
      litellm_provider: "anthropic",
      mode: "chat",
      input_cost_per_token: 3e-6,
      input_cost_per_token_above_200k_tokens: 9e-6,
      cache_creation_input_token_cost: 4e-6,
    },
    listed: { litellm_provider: "in-house", mode: "chat" },
    odd: { litellm_provider: "in-house", mode: "chat", input_cost_per_token: "free" },
  });
  const printed = explained("compare", file);
  const section = (title: string): string[] =>
    (printed.split(`${title}\n`)[1]?.split("\n\n", 1)[0] ?? "").trimEnd().split("\n");
  assert.deepEqual(
    section("priced by the file only").map((line) => line.trim()),
    Array.from({ length: 50 }, (_, index) => `in-house-${index}`),
  );
  assert.ok(section("priced by genai-prices only").includes("  gpt-4o"));
  assert.ok(!section("priced by genai-prices only").includes("  gpt-4o-mini"));
  assert.deepEqual(section("left out of the file, because of an invalid price"), [
    '  odd: input_cost_per_token is "free"',
  ]);
  assert.deepEqual(section("differ by more than 1%, in USD for a million tokens"), [
    "  model              dimension                 file  genai-prices  its name there",
    "  gpt-4o-mini        cacheRead                0.015         0.075  openai/gpt-4o-mini",
    "  claude-sonnet-4-5  input above 200000           9             6  anthropic/claude-sonnet-4-5",
    "  claude-sonnet-4-5  cacheWrite                   4          3.75  anthropic/claude-sonnet-4-5",
    "  claude-sonnet-4-5  cacheWrite above 200000      4           7.5  anthropic/claude-sonnet-4-5",
  ]);
  assert.deepEqual(
    section("counts")
      .map((line) => line.trim())
      .filter((line) => !line.includes("genai-prices only")),
    [
      "54  models in the file",
      "1  of these without any price",
      "1  of these left out",
      "50  priced by the file only",
      "2  priced by both",
      "2  of these differ by more than 1%, in 4 rates",
      "0  of these have a rate of input in one source only, not compared",
      "1  of these have a rate of output in one source only, not compared",
      "1  of these have a rate of cacheRead in one source only, not compared",
      "0  of these have a rate of cacheWrite in one source only, not compared",
    ],
  );
});
