import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createBusyBudgets } from "../../../src/engine/commit/busy-budgets.ts";

interface Attempt {
  key: string;
  items: readonly number[];
  end: PromiseWithResolvers<void>;
}

/** Queues of numbers whose attempts end when the test says so. The result of an item is its double. */
function held() {
  const attempts: Attempt[] = [];
  const busy = createBusyBudgets<number, number>({
    itemsMax: 2,
    isAlone: (item) => item >= 10,
    work: (key, items, run) =>
      run(async () => {
        const attempt = { key, items, end: Promise.withResolvers<void>() };
        attempts.push(attempt);
        await attempt.end.promise;
        return items.map((item) => 2 * item);
      }),
  });
  const begun = (): string[] => attempts.map(({ key, items }) => `${key} ${items.join()}`);
  const end = async (index: number, why?: Error): Promise<void> => {
    const { end: ending } = attempts[index] as Attempt;
    if (why === undefined) ending.resolve();
    else ending.reject(why);
    for (let turns = 0; turns < 4; turns++) await turn();
  };
  return { busy, begun, end };
}

describe("busy budgets", () => {
  it("have a queue each, whose items share an attempt up to `itemsMax`, unless an item needs its own", async () => {
    const { busy, begun, end } = held();
    const results = Promise.all([1, 2, 3, 10].map((item) => busy.add("a", item)));
    await turn();
    assert.deepEqual(begun(), ["a 1,2"]);
    for (let index = 0; index < 3; index++) await end(index);
    assert.deepEqual(begun(), ["a 1,2", "a 3", "a 10"]);
    assert.deepEqual(await results, [2, 4, 6, 20]);
  });

  it("run two attempts at a time, in order of arrival, and go on with the next when one ends or fails", async () => {
    const { busy, begun, end } = held();
    const results = Promise.allSettled(["a", "b", "c", "d"].map((key, item) => busy.add(key, item)));
    await turn();
    assert.deepEqual(begun(), ["a 0", "b 1"]);
    await end(1, new Error("attempt failed"));
    assert.deepEqual(begun(), ["a 0", "b 1", "c 2"]);
    await end(0);
    assert.deepEqual(begun(), ["a 0", "b 1", "c 2", "d 3"]);
    await end(2);
    await end(3);
    assert.deepEqual(
      (await results).map((result) => (result.status === "fulfilled" ? result.value : "failed")),
      [0, "failed", 4, 6],
    );
    // Both places are free again.
    void Promise.all([busy.add("e", 5), busy.add("f", 6), busy.add("g", 7)]);
    await turn();
    assert.deepEqual(begun().slice(4), ["e 5", "f 6"]);
  });

  it("are busy until their queue is empty, also when an attempt fails", async () => {
    const { busy, end } = held();
    assert.equal(busy.find(["a", "b"]), undefined);
    const first = busy.add("a", 1);
    assert.deepEqual([busy.keys().has("a"), busy.keys().has("b"), busy.waiting], [true, false, 1]);
    const second = busy.add("b", 2).catch(() => "failed");
    assert.equal(busy.find(["c", "b", "a"]), "b");
    assert.equal(busy.find(["c"]), undefined);
    await turn();
    await end(0);
    assert.equal(await first, 2);
    assert.deepEqual([busy.keys().has("a"), busy.keys().has("b"), busy.waiting], [false, true, 1]);
    await end(1, new Error("attempt failed"));
    assert.equal(await second, "failed");
    assert.deepEqual([busy.keys().has("b"), busy.waiting], [false, 0]);
  });

  it("stay busy while an item has arrived after the attempt began", async () => {
    const { busy, begun, end } = held();
    void busy.add("a", 1);
    await turn();
    const later = busy.add("a", 2);
    await end(0);
    assert.deepEqual([busy.keys().has("a"), begun()], [true, ["a 1", "a 2"]]);
    await end(1);
    assert.equal(await later, 4);
    assert.equal(busy.keys().has("a"), false);
  });

  it("are drained once all queues are empty", async () => {
    const { busy, end } = held();
    await busy.drain();
    void busy.add("a", 1);
    void busy.add("b", 2);
    let isDrained = false;
    void busy.drain().then(() => (isDrained = true));
    await turn();
    await end(0);
    assert.equal(isDrained, false);
    await end(1);
    assert.equal(isDrained, true);
  });
});
