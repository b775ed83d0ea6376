import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";
import { type MatchLogic, waitForUpdate } from "@pydantic/genai-prices";
import { VERSION_PART } from "../src/domain/prices/names.ts";
import { type Found, notProvenLinear, regularExpressions } from "./support/regular-expressions.ts";

/**
 * Names and texts come from callers, and a regular expression runs on the thread that serves every caller. So every
 * regular expression of src must take time in proportion to the length of the text. The checker proves that, and where
 * it cannot read the expression, the test measures it.
 */

const { literals, builtIn } = regularExpressions();

/** Files that build regular expressions from text, and the expressions that they build. */
const BUILT: Readonly<Record<string, { proven?: readonly RegExp[]; tried?: readonly RegExp[] }>> = {
  "src/domain/prices/names.ts": { proven: [VERSION_PART] },
  // Their input has at most 128 characters.
  "src/domain/prices/genai-match.ts": { tried: await patternsOfGenaiPrices() },
};

async function patternsOfGenaiPrices(): Promise<RegExp[]> {
  const patternsIn = (rule: MatchLogic): string[] => {
    if ("or" in rule) return rule.or.flatMap(patternsIn);
    if ("and" in rule) return rule.and.flatMap(patternsIn);
    return "regex" in rule ? [rule.regex] : [];
  };
  const models = ((await waitForUpdate()) ?? []).flatMap((provider) => provider.models);
  return [...new Set(models.flatMap(({ match }) => patternsIn(match)))].map((source) => new RegExp(source));
}

const found = (where: string, patterns: readonly RegExp[] = []): Found[] =>
  patterns.map(({ source, flags }) => ({ where, source, flags }));
const proven = Object.entries(BUILT).flatMap(([file, built]) => found(file, built.proven));
const tried = Object.entries(BUILT).flatMap(([file, built]) => found(file, built.tried));
const shown = ({ where, source, flags }: Found): string => `${where}: /${source}/${flags}`;

test("every regular expression of src is found", () => {
  assert.ok(literals.length > 50, `${literals.length} literals`);
  assert.deepEqual(
    builtIn,
    Object.keys(BUILT).toSorted(),
    "files with RegExp; list in BUILT what they build",
  );
});

test("the checker finds the expression that froze the server, and quadratic ones", () => {
  const parts = "[-@]v\\d+(?:[.:]\\d+)*|:\\d+k?";
  assert.equal(notProvenLinear({ source: `^(?:${parts})*$`, flags: "" }), "exponential");
  assert.equal(notProvenLinear({ source: "0+$", flags: "" }), "2nd degree polynomial");
});

test("every regular expression of src takes linear time", () => {
  const slow = [...literals, ...proven].flatMap((each) => {
    const why = notProvenLinear(each);
    return why === undefined ? [] : [`${shown(each)}: ${why}`];
  });
  assert.deepEqual(slow, []);
});

const worker = new Worker(new URL("./support/regular-expression.worker.ts", import.meta.url));
after(() => worker.terminate());

test("every regular expression of src finishes on texts of 100,000 characters", async () => {
  // A quadratic expression takes minutes for these, so even a slow machine passes only linear ones.
  for (const each of [...literals, ...proven, ...tried]) {
    worker.postMessage(each);
    const timeout = AbortSignal.timeout(60_000);
    await once(worker, "message", { signal: timeout }).catch((cause: unknown) =>
      assert.fail(`${shown(each)}: ${String(cause)}`),
    );
  }
});
