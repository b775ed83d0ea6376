import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ListCostEntriesResponseSchema } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { CostEntrySchema } from "../../gen/es/budget/v1/cost_pb.ts";
import { encode, messagesOf } from "../../src/server/slices.ts";

const answerOf = (count: number) =>
  create(ListCostEntriesResponseSchema, {
    entries: Array.from({ length: count }, (_, entry) => ({ requestId: `entry-${entry}`, costNanoUsd: 7n })),
    nextPageToken: "next",
  });

describe("a large answer in slices", () => {
  it("has the bytes of the same answer encoded at once", async () => {
    for (const count of [0, 1, 99, 100, 101, 1_000]) {
      const answer = answerOf(count);
      const bytes = await encode(ListCostEntriesResponseSchema, answer);
      assert.deepEqual(Buffer.from(bytes), Buffer.from(toBinary(ListCostEntriesResponseSchema, answer)));
      assert.deepEqual(fromBinary(ListCostEntriesResponseSchema, bytes), answer);
    }
  });

  it("lets other work run between two slices, and a small one is encoded at once", async () => {
    let turns = 0;
    const count = (): void => {
      turns++;
      pending = setImmediate(count);
    };
    let pending = setImmediate(count);
    assert.ok(!(encode(ListCostEntriesResponseSchema, answerOf(100)) instanceof Promise));
    const messages = await messagesOf(CostEntrySchema, answerOf(1_000).entries, (entry) => entry);
    const converted = turns;
    await encode(ListCostEntriesResponseSchema, answerOf(1_000));
    clearImmediate(pending);
    assert.equal(messages.length, 1_000);
    assert.ok(converted >= 9, `${converted} turns`);
    assert.ok(turns - converted >= 9, `${turns - converted} turns`);
  });
});
