import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { BudgetSchema, PeriodUnit } from "../../gen/es/budget/v1/budget_pb.ts";
import { ServiceTier } from "../../gen/es/budget/v1/cost_pb.ts";
import { ModelPriceSchema } from "../../gen/es/budget/v1/price_pb.ts";
import { auditedChange, budgetSettings, priceSettings, refunded, spending } from "../../src/domain/audit.ts";
import { budgetOf } from "../support/decisions.ts";

const NOON_US = BigInt(Date.parse("2026-11-28T12:00:00Z")) * 1000n;
const MOST = 2n ** 63n - 1n;

describe("the values of an audit entry", () => {
  it("are a budget's settings, without its balances", () => {
    const budget = budgetOf({
      totalNanoUsd: MOST,
      spentNanoUsd: 5n,
      heldNanoUsd: 6n,
      period: { unit: "MONTH", count: 3, anchorUs: NOON_US + 20_000n, timeZone: "Europe/Paris" },
      parent: "team",
      modelLimits: [{ model: "gpt-4*", limitNanoUsd: 7n, spentNanoUsd: 5n, heldNanoUsd: 6n }],
    });
    assert.deepEqual(budgetSettings(budget), {
      total_budget_nano_usd: "9223372036854775807",
      period: {
        unit: "PERIOD_UNIT_MONTH",
        count: 3,
        anchor: "2026-11-28T12:00:00.02Z",
        time_zone: "Europe/Paris",
      },
      parent: "team",
      model_limits: [{ model: "gpt-4*", limit_nano_usd: "7" }],
    });
  });

  it("leave out the period and the parent that a budget does not have, and show zeros and empty lists", () => {
    const budget = budgetOf({ totalNanoUsd: 0n, period: undefined });
    assert.deepEqual(budgetSettings(budget), { total_budget_nano_usd: "0", model_limits: [] });
    assert.deepEqual(Object.keys(budgetSettings(budget)), ["total_budget_nano_usd", "model_limits"]);
  });

  it("are the proto's JSON: a client can read them back into a message", () => {
    for (const unit of ["DAY", "WEEK", "MONTH", "YEAR"] as const) {
      const period = { unit, count: 1, anchorUs: NOON_US, timeZone: "UTC" };
      const read = fromJson(BudgetSchema, budgetSettings(budgetOf({ period, parent: "team" })) as JsonObject);
      assert.deepEqual(
        read,
        create(BudgetSchema, {
          totalBudgetNanoUsd: 1_000_000_000n,
          period: {
            unit: PeriodUnit[unit],
            count: 1,
            anchor: timestampFromDate(new Date("2026-11-28T12:00:00Z")),
            timeZone: "UTC",
          },
          parent: "team",
        }),
      );
    }
    for (const tier of ["standard", "flex", "priority", "batch"] as const) {
      const rate = { dimension: "cacheWrite1h", usd: "0.10", per: 1_000_000, aboveInputTokens: 9 } as const;
      const settings = priceSettings({ model: "m", rates: [{ ...rate, serviceTier: tier }] });
      const { rates } = fromJson(ModelPriceSchema, settings as JsonObject);
      const { $typeName: _, ...read } = rates[0] ?? assert.fail();
      assert.deepEqual(read, {
        dimension: "cache_write_1h",
        usd: "0.10",
        per: 1_000_000n,
        serviceTier: ServiceTier[tier.toUpperCase() as "BATCH"],
        aboveInputTokens: 9n,
      });
    }
  });

  it("are the same for a rate with its defaults and without them", () => {
    const rate = { dimension: "input", usd: "1", per: 1 } as const;
    assert.deepEqual(
      priceSettings({ model: "m", rates: [rate] }),
      priceSettings({ model: "m", rates: [{ ...rate, serviceTier: "standard", aboveInputTokens: 0 }] }),
    );
  });

  it("are what a reset and a refund change", () => {
    assert.deepEqual(spending(budgetOf({ spentNanoUsd: -3n, periodStartUs: NOON_US + 1n })), {
      spent_nano_usd: "-3",
      period_start: "2026-11-28T12:00:00.000001Z",
    });
    assert.deepEqual(refunded("call-1", 12n), { charge_request_id: "call-1", amount_nano_usd: "12" });
  });
});

describe("a change", () => {
  const operation = { project: "p", user: "alice", actor: "key:1", kind: "ignored" };
  const change = { action: "UPDATE_BUDGET", createdAtUs: 5n } as const;

  it("names its budget and who asked for it", () => {
    assert.deepEqual(auditedChange(operation, { ...change, before: { a: "1" }, after: { a: "2" } }), [
      {
        project: "p",
        subject: "alice",
        actor: "key:1",
        action: "UPDATE_BUDGET",
        createdAtUs: 5n,
        before: { a: "1" },
        after: { a: "2" },
      },
    ]);
  });

  it("is none if nothing is different after it", () => {
    assert.deepEqual(auditedChange(operation, { ...change, before: { a: ["1"] }, after: { a: ["1"] } }), []);
  });
});
