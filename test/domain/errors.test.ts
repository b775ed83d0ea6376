import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { invalidField, describe as sentenceOf } from "../../src/domain/errors.ts";

describe("an INVALID_FIELD error", () => {
  it("is valid Unicode, even if it quotes a request that is not, so that every transport can send it", () => {
    for (const text of ["\ud800", "cut \ud83d", `${"x".repeat(399)}\ud83d\ude00`]) {
      const { error } = invalidField(`field.${text}`, text);
      assert.ok(sentenceOf(error).isWellFormed());
    }
  });
});
