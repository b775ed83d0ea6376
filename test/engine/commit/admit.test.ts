import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ModelLimit } from "../../../src/domain/budget.ts";
import { NANO_USD_MAX } from "../../../src/domain/money.ts";
import { admit } from "../../../src/engine/commit/admit.ts";
import { budgetOf, reserveOf } from "../../support/decisions.ts";

const limit = (model: string, changes: Partial<ModelLimit> = {}): ModelLimit => ({
  model,
  limitNanoUsd: 100n,
  spentNanoUsd: 30n,
  heldNanoUsd: 20n,
  ...changes,
});

const reasonOf = (admitted: ReturnType<typeof admit>): string =>
  "reason" in admitted ? admitted.reason : "ok";

describe("admission", () => {
  it("admits what exactly fits in the total beside what was spent and is held, and not one nano-USD more", () => {
    const path = [budgetOf({ totalNanoUsd: 100n, spentNanoUsd: 30n, heldNanoUsd: 20n })];
    assert.equal(reasonOf(admit(path, reserveOf(50n))), "ok");
    assert.equal(reasonOf(admit(path, reserveOf(51n))), "BUDGET_EXCEEDED");
  });

  it("admits what exactly fits in a limit of the model, and not one nano-USD more", () => {
    const path = [budgetOf({ modelLimits: [limit("m")] })];
    assert.equal(reasonOf(admit(path, reserveOf(50n))), "ok");
    const refused = admit(path, reserveOf(51n));
    assert.ok("reason" in refused && refused.reason === "MODEL_LIMIT_EXCEEDED");
    assert.deepEqual([refused.limit, refused.remainingNanoUsd], ["m", 50n]);
  });

  it("ignores the limits of other models, and checks each limit that applies", () => {
    const path = [
      budgetOf({
        modelLimits: [limit("n"), limit("other*"), limit("m", { limitNanoUsd: 500n }), limit("*")],
      }),
    ];
    const refused = admit(path, reserveOf(51n));
    assert.ok("reason" in refused && refused.reason === "MODEL_LIMIT_EXCEEDED");
    assert.equal(refused.limit, "*");
  });

  it("holds the amount on each level, on the total and on the limits that apply", () => {
    const own = budgetOf({ parent: "team", heldNanoUsd: 1n, modelLimits: [limit("m"), limit("n")] });
    const admitted = admit([own, budgetOf({ user: "team" })], reserveOf(50n));
    assert.ok("path" in admitted);
    assert.deepEqual(
      admitted.path.map((each) => [each.user, each.heldNanoUsd]),
      [
        ["alice", 51n],
        ["team", 50n],
      ],
    );
    assert.deepEqual(
      admitted.path[0]?.modelLimits.map((each) => each.heldNanoUsd),
      [70n, 20n],
    );
    assert.equal(own.heldNanoUsd, 1n);
  });

  it("names the first level that refuses, and shows what remains on all of them", () => {
    const path = [
      budgetOf({ parent: "team", totalNanoUsd: 100n }),
      budgetOf({ user: "team", parent: "org", totalNanoUsd: 100n, spentNanoUsd: 60n }),
      budgetOf({ user: "org", totalNanoUsd: 10n }),
    ];
    assert.deepEqual(admit(path, reserveOf(50n)), {
      reason: "BUDGET_EXCEEDED",
      project: "p",
      user: "team",
      model: "m",
      amountNanoUsd: 50n,
      remainingNanoUsd: 40n,
      levels: [
        { user: "alice", remainingNanoUsd: 100n },
        { user: "team", remainingNanoUsd: 40n },
        { user: "org", remainingNanoUsd: 10n },
      ],
    });
  });

  it("refuses an amount that fits and would leave amounts out of the 64-bit range, and names the level", () => {
    const full = budgetOf({ user: "team", totalNanoUsd: NANO_USD_MAX, spentNanoUsd: -2n });
    assert.deepEqual(admit([budgetOf({ parent: "team" }), full], reserveOf(1n)), {
      reason: "AMOUNT_OVERFLOW",
      project: "p",
      user: "team",
    });
  });
});
