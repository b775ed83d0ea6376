import assert from "node:assert/strict";
import { test } from "node:test";
import { createTurns, type Turn, type Turns } from "../../src/workers/turns.ts";

const work = (id: number, caller: string, cost: number): Turn => ({ id, caller, cost });

/** The ids of the works in the order of this many turns, if none of them ends. */
const turnsOf = (turns: Turns<Turn>, count: number): (number | undefined)[] =>
  Array.from({ length: count }, () => turns.next()?.work()?.id);

test("three of four turns of a caller go to its shortest work, the fourth to its oldest", () => {
  const turns = createTurns();
  turns.add(work(1, "a", 4_000_000));
  turns.add(work(2, "a", 2));
  turns.add(work(3, "a", 70_000));
  assert.deepEqual(turnsOf(turns, 8), [2, 2, 2, 1, 2, 2, 2, 1]);
});

test("callers take turns, however many works one has", () => {
  const turns = createTurns();
  for (const id of [1, 2, 3]) turns.add(work(id, "a", 10));
  turns.add(work(4, "b", 4_000_000));
  assert.deepEqual(turnsOf(turns, 6), [1, 4, 1, 4, 1, 4]);
});

test("a caller with new work gets its turn after the turns of the other callers", () => {
  const turns = createTurns();
  turns.add(work(1, "a", 4_000_000));
  turns.add(work(2, "b", 4_000_000));
  assert.deepEqual(turnsOf(turns, 2), [1, 2]);
  turns.add(work(3, "c", 2));
  assert.deepEqual(turnsOf(turns, 3), [1, 2, 3]);
});

test("a caller whose short works arrive one by one does not starve another", () => {
  const turns = createTurns();
  turns.add(work(1, "long", 4_000_000));
  const had: (number | undefined)[] = [];
  for (let id = 2; id <= 4; id++) {
    turns.add(work(id, "short", 2));
    for (let count = 0; count < 2; count++) {
      const next = turns.next()?.work();
      had.push(next?.id);
      if (next?.caller === "short") turns.remove(next.id);
    }
  }
  assert.deepEqual(had, [1, 2, 1, 3, 1, 4]);
});

test("within a turn, the caller's next work follows one that ends, until the caller has no more", () => {
  const turns = createTurns();
  turns.add(work(1, "a", 20));
  turns.add(work(2, "a", 10));
  const turn = turns.next();
  assert.equal(turn?.work()?.id, 2);
  assert.equal(turns.remove(2)?.id, 2);
  assert.equal(turn?.work()?.id, 1);
  turns.remove(1);
  assert.equal(turn?.work(), undefined);
  assert.equal(turns.next(), undefined);
  assert.equal(turns.remove(1), undefined);
});
