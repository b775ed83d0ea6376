import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createFairQueue, type FairQueue, type Queued } from "../../src/domain/fair-queue.ts";

interface Item extends Queued {
  name: string;
}

const item = (caller: string, name: string, cost = 10): Item => ({ caller, name, cost });

function takeAll(queue: FairQueue<Item>): string {
  const names: string[] = [];
  for (let next = queue.take(); next !== undefined; next = queue.take()) names.push(next.name);
  return names.join(" ");
}

test("one caller's items are first in, first out", () => {
  const queue = createFairQueue<Item>(10);
  for (const name of ["a1", "a2", "a3"]) queue.add(item("a", name));
  assert.equal(takeAll(queue), "a1 a2 a3");
  assert.equal(queue.take(), undefined);
});

test("callers take turns, however many items one has", () => {
  const queue = createFairQueue<Item>(10);
  for (const name of ["a1", "a2", "a3", "a4"]) queue.add(item("a", name));
  queue.add(item("b", "b1"));
  queue.add(item("c", "c1"));
  queue.add(item("c", "c2"));
  assert.equal(takeAll(queue), "a1 b1 c1 a2 c2 a3 a4");
});

test("shares are measured by cost: as many bytes of short items as of long ones", () => {
  const queue = createFairQueue<Item>(40);
  for (let at = 0; at < 10; at++) queue.add(item("long", "L", 30 + at));
  for (let at = 0; at < 100; at++) queue.add(item("short", "s", 1 + (at % 10)));
  const taken = { long: 0, short: 0 };
  for (let next = queue.take(); next !== undefined && queue.callers === 2; next = queue.take()) {
    taken[next.caller as "long" | "short"] += next.cost;
    assert.ok(Math.abs(taken.long - taken.short) <= 45, JSON.stringify(taken));
  }
  assert.ok(taken.long > 200);
});

test("a caller whose items arrive one by one gets no more turns than one whose items wait", () => {
  const queue = createFairQueue<Item>(10);
  for (const name of ["b1", "b2", "b3"]) queue.add(item("b", name));
  const taken: (string | undefined)[] = [];
  for (let at = 1; at <= 3; at++) {
    queue.add(item("a", `a${at}`));
    taken.push(queue.take()?.name, queue.take()?.name);
  }
  assert.deepEqual(taken, ["b1", "a1", "b2", "a2", "b3", "a3"]);
});

test("an item that costs more than the largest share is still taken", () => {
  const queue = createFairQueue<Item>(10);
  queue.add(item("a", "a1", 1000));
  queue.add(item("b", "b1"));
  assert.equal(takeAll(queue), "a1 b1");
});

test("no state is kept for a caller whose items were all taken or removed", () => {
  const queue = createFairQueue<Item>(10);
  const items = Array.from({ length: 10_000 }, (_, index) => item(`project ${index}`, String(index)));
  for (const each of items) queue.add(each);
  assert.deepEqual([queue.size, queue.callers], [10_000, 10_000]);
  for (const each of items.slice(0, 5000)) assert.equal(queue.remove(each), true);
  assert.equal(queue.remove(items[0]!), false);
  assert.deepEqual([queue.size, queue.callers], [5000, 5000]);
  takeAll(queue);
  assert.deepEqual([queue.size, queue.callers], [0, 0]);
});

test("a caller whose first item is not wanted keeps its turn, and its other items wait behind that item", () => {
  const queue = createFairQueue<Item>(16);
  for (const name of ["a1", "a2"]) queue.add(item("a", name, 1));
  queue.add(item("b", "b1", 1));
  assert.equal(queue.take(({ name }) => name !== "a1")?.name, "b1");
  assert.equal(
    queue.take(({ name }) => name !== "a1"),
    undefined,
  );
  assert.deepEqual([queue.size, queue.sizeOf("a"), queue.sizeOf("b")], [2, 2, 0]);
  queue.add(item("b", "b2", 1));
  assert.equal(takeAll(queue), "a1 b2 a2");
});

test("for any order of arrivals, an item waits for at most one item of each other caller for each own one before it", () => {
  const arrivals = fc.array(
    fc.record({
      caller: fc.constantFrom("a", "b", "c"),
      adds: fc.nat({ max: 5 }),
      takes: fc.nat({ max: 4 }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(arrivals, (steps) => {
      const queue = createFairQueue<Item>(16);
      /** The model: each caller's items in order of arrival, and how many of each caller were taken when it arrived. */
      const waiting = new Map<
        string,
        { item: Item; takenBefore: ReadonlyMap<string, number>; ahead: number }[]
      >();
      const taken = new Map<string, number>();
      const take = (): void => {
        const next = queue.take();
        if (next === undefined) return assert.equal([...waiting.values()].flat().length, 0);
        const first = waiting.get(next.caller)?.shift();
        assert.equal(next, first?.item, "first in, first out");
        for (const [other, count] of taken) {
          if (other === next.caller) continue;
          const since: number = count - (first?.takenBefore.get(other) ?? 0);
          assert.ok(since <= (first?.ahead ?? 0) + 1, `${next.name} waited for ${since} of ${other}`);
        }
        taken.set(next.caller, (taken.get(next.caller) ?? 0) + 1);
      };
      for (const [index, { caller, adds, takes }] of steps.entries()) {
        const own = waiting.get(caller) ?? [];
        waiting.set(caller, own);
        for (let add = 0; add < adds; add++) {
          const added = item(caller, `${caller}${index}.${add}`, 1);
          own.push({ item: added, takenBefore: new Map(taken), ahead: own.length });
          queue.add(added);
        }
        for (let each = 0; each < takes; each++) take();
      }
      while (queue.size > 0) take();
    }),
  );
});
