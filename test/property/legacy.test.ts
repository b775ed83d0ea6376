import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { Budget } from "../../src/domain/budget.ts";
import type { Memory } from "../../src/domain/legacy-memory.ts";
import { NANO_USD_MAX, nanoUsdFromDollars } from "../../src/domain/money.ts";
import { sumOf } from "../../src/legacy/costs.ts";
import { objectText, recordMember } from "../../src/legacy/handout.ts";
import { firstMemory, mergeRecord } from "../../src/legacy/merge.ts";
import { type LegacyRecord, parseLegacyMap } from "../../src/legacy/record.ts";
import { settingsChange } from "../../src/legacy/settings.ts";
import { perRun, SEED } from "../support/run.ts";

const RUNS = { seed: SEED, numRuns: perRun(300, 20_000) };
const NOW_US = 1_800_000_000_000_000n;
const MODELS = ["gpt-4o", "7", "__proto__"];

const BUDGET: Budget = {
  project: "p",
  user: "alice",
  totalNanoUsd: 0n,
  spentNanoUsd: 0n,
  heldNanoUsd: 0n,
  period: undefined,
  periodId: NOW_US,
  periodStartUs: NOW_US,
  periodEndUs: undefined,
  parent: undefined,
  modelLimits: [],
  creationFingerprint: "",
  createdAtUs: NOW_US,
  updatedAtUs: NOW_US,
};

const recordOf = async (map: unknown): Promise<LegacyRecord> =>
  (await parseLegacyMap(map))[0] ?? assert.fail("no record");
const amounts = fc.bigInt({ min: 0n, max: NANO_USD_MAX / 4n });

suite("Records of LiteLLM's client", () => {
  test("change nothing when they are posted back as loaded, whatever the amounts", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(amounts, { maxLength: 3 }),
        fc.bigInt({ min: 0n, max: NANO_USD_MAX }),
        async (costs, total) => {
          const modelCosts = new Map(costs.map((cost, index) => [MODELS[index] ?? "", cost]));
          const budget = { ...BUDGET, totalNanoUsd: total, spentNanoUsd: sumOf(modelCosts) };
          const text = objectText([recordMember({ budget, modelCosts }, "a-session", NOW_US)]);
          // The client keeps the amounts as floats.
          const record = await recordOf(JSON.parse(JSON.stringify(JSON.parse(text))));
          const memory = firstMemory(record, NOW_US);
          const merged = mergeRecord(memory, record, NOW_US, undefined);
          assert.deepEqual([merged.charges.size, merged.resets, merged.memory === memory], [0, false, true]);
          assert.deepEqual(settingsChange(memory, record, budget), {});
        },
      ),
      RUNS,
    );
  });

  test("add up to the last one, even if posts arrive late, twice or never", async () => {
    const calls = fc.array(fc.tuple(fc.constantFrom(...MODELS), fc.double({ min: 0, max: 5, noNaN: true })), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(calls, fc.infiniteStream(fc.nat()), async (made, choices) => {
        const costs = new Map<string, number>();
        let current = 0;
        const parsed = made.map(([model, cost]) => {
          current += cost;
          costs.set(model, (costs.get(model) ?? 0) + cost);
          const models = [...costs].map(([name, sum]) => `${JSON.stringify(name)}:${sum}`).join(",");
          const text = `{"alice":{"total_budget":1,"current_cost":${current},"model_cost":{${models}}}}`;
          return recordOf(JSON.parse(text));
        });
        const posts = await Promise.all(parsed);
        const last = posts.at(-1) as LegacyRecord;
        const arriving = [...posts, last].map(
          () => posts[(choices.next().value as number) % posts.length] ?? last,
        );
        arriving.splice((choices.next().value as number) % arriving.length, 0, last);
        let memory: Memory = firstMemory(last, NOW_US);
        let charged = 0n;
        for (const record of arriving) {
          const merged = mergeRecord(memory, record, NOW_US, undefined);
          assert.equal(merged.resets, false);
          memory = merged.memory;
          charged += sumOf(merged.charges);
        }
        assert.equal(charged, sumOf(last.costs));
        const exact = nanoUsdFromDollars(current) ?? assert.fail("out of range");
        const apart = charged - exact;
        assert.ok(apart <= BigInt(costs.size) && -apart <= BigInt(costs.size), `${charged} is not ${exact}`);
      }),
      RUNS,
    );
  });
});
