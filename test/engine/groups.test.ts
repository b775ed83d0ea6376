import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createGroups } from "../../src/engine/groups.ts";

/** Groups of numbers whose work ends when the test says so. The result of an item is its double. */
function held(
  options: { itemsMax?: number; inFlightMax?: number; isAlone?: (item: number) => boolean } = {},
) {
  const begun: (readonly number[])[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const groups = createGroups<number, number>({
    itemsMax: 3,
    inFlightMax: 1,
    ...options,
    async work(items) {
      begun.push(items);
      ends.push(Promise.withResolvers());
      await ends.at(-1)?.promise;
      return items.map((item) => 2 * item);
    },
  });
  /** Ends the oldest group that is running. */
  const end = async (): Promise<void> => {
    ends.shift()?.resolve();
    await turn();
    await turn();
  };
  const submitAll = (items: readonly number[]) => Promise.all(items.map((item) => groups.submit(item)));
  return { groups, begun, ends, end, submitAll };
}

describe("groups", () => {
  it("have the items that arrive together, at most `itemsMax`, and give each item its own result", async () => {
    const { begun, end, submitAll } = held();
    const results = submitAll([1, 2, 3, 4]);
    assert.deepEqual(begun, []);
    await turn();
    assert.deepEqual(begun, [[1, 2, 3]]);
    await end();
    assert.deepEqual(begun, [[1, 2, 3], [4]]);
    await end();
    assert.deepEqual(await results, [2, 4, 6, 8]);
  });

  it("begin in one later turn of the event loop for all items of a turn", async (context) => {
    const { begun, submitAll } = held();
    const schedule = context.mock.method(globalThis, "setImmediate");
    for (let turns = 1; turns <= 2; turns++) {
      void submitAll([1, 2, 3]);
      assert.equal(schedule.mock.callCount(), turns);
      await turn();
    }
    assert.deepEqual(begun, [[1, 2, 3]]);
  });

  it("run at most `inFlightMax` at a time, and items that arrive meanwhile share the next one", async () => {
    const { groups, begun, end, submitAll } = held({ inFlightMax: 2 });
    for (const item of [1, 2, 3, 4]) {
      void submitAll([item]);
      await turn();
    }
    assert.deepEqual([begun, groups.waiting], [[[1], [2]], 2]);
    await end();
    assert.deepEqual([begun, groups.waiting], [[[1], [2], [3, 4]], 0]);
    assert.equal(groups.isIdle, false);
    await end();
    await end();
    assert.equal(groups.isIdle, true);
  });

  it("keep the order of arrival, and give an item a group of its own that needs one", async () => {
    const { begun, end, submitAll } = held({ itemsMax: 4, isAlone: (item) => item >= 10 });
    void submitAll([1, 2, 10, 11, 3, 4, 5, 6, 7, 12]);
    await turn();
    for (let n = 0; n < 6; n++) await end();
    assert.deepEqual(begun, [[1, 2], [10], [11], [3, 4, 5, 6], [7], [12]]);
    void submitAll([1, 2, 3, 4, 5]);
    await turn();
    assert.deepEqual(begun.at(-1), [1, 2, 3, 4]);
  });

  it("reject all items of a group whose work fails, and go on with the next", async () => {
    const why = new Error("work failed");
    const groups = createGroups<number, number>({
      itemsMax: 2,
      inFlightMax: 1,
      work: async (items) => {
        if (items.includes(1)) throw why;
        return items;
      },
    });
    const answers = await Promise.allSettled([1, 2, 3].map((item) => groups.submit(item)));
    assert.deepEqual(answers, [
      { status: "rejected", reason: why },
      { status: "rejected", reason: why },
      { status: "fulfilled", value: 3 },
    ]);
    await groups.drain();
    assert.equal(groups.isIdle, true);
  });

  it("do not wait for a result that is a promise", async () => {
    const slow = Promise.withResolvers<string>();
    const groups = createGroups<string, string>({
      itemsMax: 2,
      inFlightMax: 1,
      work: async (items) => items.map((item) => (item === "slow" ? slow.promise : item)),
    });
    const first = groups.submit("slow");
    await groups.drain();
    assert.equal(await groups.submit("quick"), "quick");
    slow.resolve("late");
    assert.equal(await first, "late");
  });

  it("are drained once the queue is empty and no group is running", async () => {
    const { groups, end, submitAll } = held();
    const results = submitAll([1, 2, 3, 4]);
    let drained = 0;
    for (let waiters = 0; waiters < 2; waiters++) void groups.drain().then(() => drained++);
    await turn();
    await end();
    assert.equal(drained, 0);
    await end();
    await results;
    assert.equal(drained, 2);
    await groups.drain();
  });

  it("have items of all projects in turns, and few of one project while others wait", async () => {
    const begun: string[][] = [];
    const ends: PromiseWithResolvers<void>[] = [];
    const groups = createGroups<string, string>({
      itemsMax: 1000,
      inFlightMax: 1,
      projectOf: (item) => item.charAt(0),
      async work(items) {
        begun.push([...items]);
        ends.push(Promise.withResolvers());
        await ends.at(-1)?.promise;
        return items;
      },
    });
    const submit = (project: string, count: number): void => {
      for (let item = 0; item < count; item++) void groups.submit(`${project}${item}`);
    };
    submit("a", 3_000);
    await turn();
    submit("b", 1);
    submit("c", 2);
    for (let group = 0; group < 3; group++) {
      ends.shift()?.resolve();
      await turn();
      await turn();
    }
    assert.deepEqual(
      begun.map((items) => items.length),
      [1000, 64 + 3, 1000, 1000 - 64],
    );
    assert.deepEqual(begun[1]?.slice(0, 6), ["b0", "c0", "a1000", "c1", "a1001", "a1002"]);
  });

  it("run beside `inFlightMax` others if they have only projects that are in no running group", async () => {
    const begun: string[][] = [];
    const ends: PromiseWithResolvers<void>[] = [];
    const groups = createGroups<string, string>({
      itemsMax: 2,
      inFlightMax: 1,
      quietMax: 1,
      waitingMax: 10,
      projectOf: (item) => item.charAt(0),
      async work(items) {
        begun.push([...items]);
        ends.push(Promise.withResolvers());
        await ends.at(-1)?.promise;
        return items;
      },
    });
    for (const item of ["a1", "a2", "a3", "a4", "a5", "a6", "a7"]) void groups.submit(item);
    await turn();
    assert.deepEqual(begun, [["a1", "a2"]]);
    assert.deepEqual([groups.waiting, groups.hasRoom("a"), groups.hasRoom("b")], [5, false, true]);
    void groups.submit("b1");
    await turn();
    assert.deepEqual(begun.slice(1), [["b1"]]);
    for (const item of ["b2", "c1"]) void groups.submit(item);
    await turn();
    assert.equal(begun.length, 2, "no third group");
    ends[1]?.resolve();
    await turn();
    await turn();
    assert.deepEqual(begun.slice(2), [["b2", "c1"]]);
  });
});
