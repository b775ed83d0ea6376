import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { backoffMs } from "../../src/domain/backoff.ts";
import { type BudgetError, Failure } from "../../src/domain/errors.ts";
import { isObject, shown } from "../../src/domain/json.ts";
import { checkName, checkText, NAME_BYTES_MAX } from "../../src/domain/name.ts";
import { withoutTrailing } from "../../src/domain/text.ts";

/** The description of the error that a check throws. */
function complaint(check: () => unknown): string {
  try {
    check();
  } catch (thrown) {
    const error: BudgetError | undefined = thrown instanceof Failure ? thrown.error : undefined;
    assert.equal(error?.reason, "INVALID_FIELD");
    assert.equal(error.field, "user");
    return error.description;
  }
  return "accepted";
}

describe("a name", () => {
  const check = (name: string): string => complaint(() => assert.equal(checkName("user", name), name));

  it("has 1 to 256 bytes of UTF-8", () => {
    assert.equal(NAME_BYTES_MAX, 256);
    assert.equal(check(""), "is required");
    for (const [character, bytes] of [
      ["a", 1],
      ["é", 2],
      ["中", 3],
      ["😀", 4],
    ] as const) {
      const times = Math.floor(256 / bytes);
      assert.equal(check(character.repeat(times)), "accepted");
      assert.equal(check(character.repeat(times + 1)), "must be at most 256 bytes of UTF-8");
    }
    assert.equal(check(`${"é".repeat(127)}ab`), "accepted");
    assert.equal(check(`${"é".repeat(127)}abc`), "must be at most 256 bytes of UTF-8");
  });

  it("is valid Unicode without control characters, and does not begin with a byte order mark", () => {
    assert.equal(check("a\ud800"), "must be valid Unicode");
    assert.equal(check("\udc00"), "must be valid Unicode");
    for (const bad of ["\0", "a\u0001", "a\tb", "a\n", "\u001f", "\u007f", "\u0080", "\u009f"]) {
      assert.equal(check(bad), "must not contain control characters", JSON.stringify(bad));
    }
    for (const good of [" ", "~", "\u00a0", "a b", "a\ufeff", "👩‍👩‍👧"]) {
      assert.equal(check(good), "accepted", JSON.stringify(good));
    }
    assert.equal(check("\ufeffa"), "must not begin with U+FEFF, the byte order mark");
  });
});

describe("a text", () => {
  it("may be empty, and has a length of its own", () => {
    assert.equal(checkText("user", "", 0), "");
    assert.equal(checkText("user", "abc", 3), "abc");
    assert.equal(
      complaint(() => checkText("user", "abc", 2)),
      "must be at most 2 bytes of UTF-8",
    );
    assert.equal(
      complaint(() => checkText("user", "éé", 3)),
      "must be at most 3 bytes of UTF-8",
    );
  });

  it("loses the run of a character at its end, and no other run", () => {
    assert.equal(withoutTrailing("1200300", "0"), "12003");
    assert.equal(withoutTrailing("000", "0"), "");
    assert.equal(withoutTrailing("", "0"), "");
    assert.equal(withoutTrailing("0001", "0"), "0001");
    assert.equal(withoutTrailing("10 ", "0"), "10 ");
  });
});

describe("a JSON value", () => {
  it("is an object unless it is null, a list or no object at all", () => {
    assert.ok(isObject({}) && isObject({ a: 1 }));
    for (const other of [null, undefined, [], [{}], "a", 1, true]) assert.ok(!isObject(other));
  });

  it("is shown in a message by its kind, or by up to 40 characters", () => {
    for (const [value, text] of [
      [[1, 2], "a list"],
      [{ a: 1 }, "an object"],
      [null, "null"],
      [undefined, "undefined"],
      [1.5, "1.5"],
      [true, "true"],
      ['say "hi"', '"say \\"hi\\""'],
      ["a".repeat(40), `"${"a".repeat(40)}"`],
      ["a".repeat(41), `"${"a".repeat(40)}..."`],
      // A cut inside of a surrogate pair leaves no half of it.
      [`${"a".repeat(39)}😀`, `"${"a".repeat(39)}\ufffd..."`],
    ] as const) {
      assert.equal(shown(value), text);
    }
  });
});

describe("the pause before the next attempt", () => {
  const limits = { firstMs: 10, longestMs: 500 };

  it("doubles with each failed attempt, up to the longest", () => {
    const pauses = [0, 1, 2, 3, 4, 5, 6, 7, 100, 2000].map((attempt) => backoffMs(attempt, limits, 1));
    assert.deepEqual(pauses, [10, 20, 40, 80, 160, 320, 500, 500, 500, 500]);
  });

  it("is between one half and all of that, at random", () => {
    assert.equal(backoffMs(2, limits, 0), 20);
    assert.equal(backoffMs(2, limits, 0.5), 30);
    assert.equal(backoffMs(9, limits, 0), 250);
  });
});
