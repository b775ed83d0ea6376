import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readCompletion } from "../../src/domain/completion.ts";
import { Failure } from "../../src/domain/errors.ts";

/** The form of a response and what was read, without what is zero or absent; or the field that is refused. */
function read(response: unknown): unknown {
  try {
    const { shape, model, usage, reportedCostUsd } = readCompletion(response);
    const given = Object.entries({ ...usage, model, reportedCostUsd });
    return [shape, Object.fromEntries(given.filter(([, value]) => value !== 0 && value !== undefined))];
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.error.reason === "INVALID_FIELD") return thrown.error.field;
    throw thrown;
  }
}

/** A response, and what is read from it. */
export type Row = readonly [what: string, response: unknown, read: unknown];

/** What one call is read as, besides its counts. */
export const once = { requests: 1 };
export const usual = { requests: 1, serviceTier: "standard" };

/** One test for each row. */
export function readsRows(subject: string, rows: readonly Row[]): void {
  describe(`a completion, ${subject}:`, () => {
    for (const [what, response, expected] of rows) {
      it(`${what} is ${typeof expected === "string" ? `refused, naming ${expected}` : "read"}`, () => {
        assert.deepEqual(read(response), expected);
      });
    }
  });
}
