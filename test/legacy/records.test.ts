import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Costs, Memory } from "../../src/domain/legacy-memory.ts";
import type { Period } from "../../src/domain/period.ts";
import { costsOf, NO_MODEL } from "../../src/legacy/costs.ts";
import { firstMemory, LATE_US, mergeRecord } from "../../src/legacy/merge.ts";
import { type LegacyRecord, parseLegacyMap } from "../../src/legacy/record.ts";
import { settingsChange } from "../../src/legacy/settings.ts";

const NOW = 1_800_000_000_000_000n;

const costs = (of: Record<string, bigint>): Costs => new Map(Object.entries(of));

/** A record as the client posts it. */
async function recordOf(posted: object): Promise<LegacyRecord> {
  const [record] = await parseLegacyMap({ alice: { total_budget: 1, ...posted } });
  assert.ok(record !== undefined);
  return record;
}

describe("the costs of a record", () => {
  it("leave out what the rounding of the sum and of each model can explain: a nano-USD for each model", () => {
    const models = [
      ["a", 10n],
      ["b", 20n],
    ] as const;
    for (const total of [27n, 30n, 31n, 32n])
      assert.deepEqual(costsOf(total, models), costs({ a: 10n, b: 20n }));
    assert.deepEqual(costsOf(33n, models), costs({ a: 10n, b: 20n, [NO_MODEL]: 3n }));
  });

  it("without models all belong to no model, to the nano-USD", () => {
    assert.deepEqual(costsOf(0n, []), costs({}));
    assert.deepEqual(costsOf(1n, []), costs({ [NO_MODEL]: 1n }));
  });

  it("add the rest to what the client itself reports without a model", async () => {
    const { costs: read } = await recordOf({ current_cost: 1.5, model_cost: { "": 0.25, a: 0.75 } });
    assert.deepEqual(read, costs({ [NO_MODEL]: 750_000_000n, a: 750_000_000n }));
  });
});

const period: Period = { unit: "DAY", count: 30, anchorUs: 0n, timeZone: "UTC" };

describe("the settings that a record changes", () => {
  const budget = { totalNanoUsd: 5n, period };
  const untouched = { totalNanoUsd: undefined, durationDays: undefined };

  it("are none of the period if a new record of the client has no duration", async () => {
    const record = await recordOf({ total_budget: 7 });
    assert.deepEqual(settingsChange(untouched, record, budget), { totalNanoUsd: 7_000_000_000n });
  });

  it("are the period if a new record has another duration, and not if it has the same one", async () => {
    const same = await recordOf({ total_budget: 5e-9, duration: 30 });
    assert.deepEqual(settingsChange(untouched, same, budget), {});
    const other = await recordOf({ total_budget: 5e-9, duration: 7, created_at: 2 });
    assert.deepEqual(settingsChange(untouched, other, budget), {
      period: { unit: "DAY", count: 7, timeZone: "UTC", anchorUs: 2_000_000n },
    });
  });

  it("remove the period if the client removes the duration of a known record", async () => {
    const record = await recordOf({ total_budget: 5e-9 });
    assert.deepEqual(settingsChange({ totalNanoUsd: 5n, durationDays: 30 }, record, budget), {
      period: undefined,
    });
  });

  it("are none if the record repeats what is known, whatever the budget has become since", async () => {
    const record = await recordOf({ total_budget: 5e-9, duration: 30 });
    const changed = { totalNanoUsd: 9n, period: { ...period, count: 1 } };
    assert.deepEqual(settingsChange({ totalNanoUsd: 5n, durationDays: 30 }, record, changed), {});
  });
});

describe("a record that was reset because its duration has passed", () => {
  const LAST = 1_700_000_000_000_000n;
  const known: Memory = {
    ...firstMemory({ ...({} as LegacyRecord), lastUpdatedUs: LAST }, NOW - 10n * LATE_US),
    costs: costs({ m: 500_000_000n }),
  };
  const merged = async (lastUpdatedUs: bigint, renewedUs: bigint | undefined) => {
    const record = await recordOf({
      last_updated_at: Number(lastUpdatedUs) / 1e6,
      current_cost: 0.25,
      model_cost: { m: 0.25 },
    });
    const { isLate, resets, charges } = mergeRecord(known, record, NOW, renewedUs);
    return { isLate, resets, charges: Object.fromEntries(charges) };
  };
  const charges = { m: 250_000_000n };

  it("resets the budget, unless its period began after the record's last update", async () => {
    assert.deepEqual(await merged(LAST + 1_000_000n, undefined), { isLate: false, resets: true, charges });
    assert.deepEqual(await merged(LAST + 1_000_000n, LAST - 1n), { isLate: false, resets: true, charges });
    assert.deepEqual(await merged(LAST + 1_000_000n, LAST), { isLate: false, resets: true, charges });
    assert.deepEqual(await merged(LAST + 1_000_000n, LAST + 1n), { isLate: false, resets: false, charges });
  });

  it("is late, and changes nothing, if it was last updated before the known record", async () => {
    assert.deepEqual(await merged(LAST - 1_000_000n, undefined), {
      isLate: true,
      resets: false,
      charges: {},
    });
  });
});

describe("a record whose costs have fallen", () => {
  const known: Memory = {
    ...firstMemory({ ...({} as LegacyRecord), lastUpdatedUs: undefined }, NOW),
    costs: costs({ m: 500_000_000n }),
  };
  const merged = async (memory: Memory, nowUs: bigint, posted: object) => {
    const merge = mergeRecord(memory, await recordOf(posted), nowUs, undefined);
    const { isLate, resets, charges } = merge;
    return { isLate, resets, charges: Object.fromEntries(charges), beginnings: merge.memory.beginnings };
  };
  const lower = { current_cost: 0.25, model_cost: { m: 0.25 } };
  const zeroed = { current_cost: 0, model_cost: {} };
  const late = { isLate: true, resets: false, charges: {} };

  it("is a late post for a minute after the costs last rose, and then a new start without a reset", async () => {
    assert.deepEqual(await merged(known, NOW + LATE_US, lower), { ...late, beginnings: 0 });
    assert.deepEqual(await merged(known, NOW + LATE_US + 1n, lower), {
      isLate: false,
      resets: false,
      charges: { m: 250_000_000n },
      beginnings: 1,
    });
  });

  it("is a reset if it is zeroed: at once the first time, and after a minute from then on", async () => {
    const reset = { isLate: false, resets: true, charges: {} };
    assert.deepEqual(await merged(known, NOW, zeroed), { ...reset, beginnings: 1 });
    const again = { ...known, begunUs: NOW, beginnings: 1 };
    assert.deepEqual(await merged(again, NOW + LATE_US, zeroed), { ...late, beginnings: 1 });
    assert.deepEqual(await merged(again, NOW + LATE_US + 1n, zeroed), { ...reset, beginnings: 2 });
  });

  it("is no reset without an empty model_cost, as in a new record of the client", async () => {
    const bare = { current_cost: 0 };
    assert.deepEqual(await merged(known, NOW, bare), { ...late, beginnings: 0 });
    assert.equal((await merged(known, NOW + LATE_US + 1n, bare)).resets, false);
  });
});
