import assert from "node:assert/strict";
import { test } from "node:test";
import { createQuota, type Quota } from "../../src/domain/quota.ts";

/** The number of jobs of this size that a caller is granted. */
function takeAll(quota: Quota, caller: string, bytes: number): number {
  let taken = 0;
  while (quota.take(caller, bytes)) taken++;
  return taken;
}

test("a caller may hold as many jobs as it leaves free, and so may the next caller", () => {
  // With 81 as with 80: no caller holds more than it leaves free.
  for (const jobsMax of [80, 81]) {
    const quota = createQuota(jobsMax, 1000);
    assert.deepEqual(
      ["a", "b", "c", "d"].map((caller) => takeAll(quota, caller, 1)),
      [40, 20, 10, 5],
    );
  }
});

test("bytes are shared in the same way", () => {
  const quota = createQuota(1000, 80);
  assert.equal(takeAll(quota, "a", 10), 4);
  assert.equal(takeAll(quota, "b", 10), 2);
  assert.equal(quota.take("c", 11), false);
  assert.equal(quota.take("c", 10), true);
});

test("returned shares can be taken again, and no state is kept for a caller that holds nothing", () => {
  const quota = createQuota(2_000_000, 2_000_000);
  for (let index = 0; index < 10_000; index++) assert.equal(quota.take(`project ${index}`, 3), true);
  assert.equal(quota.callers, 10_000);
  for (let index = 0; index < 10_000; index++) quota.giveBack(`project ${index}`, 3);
  assert.equal(quota.callers, 0);
  assert.equal(takeAll(quota, "a", 1), 1_000_000);
});
