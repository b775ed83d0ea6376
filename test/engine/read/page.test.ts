import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createPageReads } from "../../../src/engine/page-reads.ts";
import { readPage, SLICE_ROWS_MAX } from "../../../src/engine/read/page.ts";

describe("a page that is read in slices", () => {
  it("has the same items as one read at once, and knows whether there are more", async () => {
    for (const rows of [0, 1, SLICE_ROWS_MAX - 1, SLICE_ROWS_MAX, SLICE_ROWS_MAX + 1, 3 * SLICE_ROWS_MAX]) {
      const all = Array.from({ length: rows }, (_, row) => row);
      for (const limit of [1, SLICE_ROWS_MAX - 1, SLICE_ROWS_MAX, SLICE_ROWS_MAX + 1, 10 * SLICE_ROWS_MAX]) {
        const sizes: number[] = [];
        const page = await readPage<number>(limit, async (rowsMax, last = -1) => {
          sizes.push(rowsMax);
          return all.slice(last + 1, last + 1 + rowsMax);
        });
        assert.deepEqual(page, { items: all.slice(0, limit), more: rows > limit }, `${limit} of ${rows}`);
        assert.ok(sizes.every((size) => size <= SLICE_ROWS_MAX));
      }
    }
  });

  it("may get more items than it asked for, as with a period that is not recorded yet", async () => {
    const page = await readPage<number>(150, async (rowsMax, last) =>
      last === undefined ? [-1, ...Array.from({ length: rowsMax }, (_, row) => row)] : [last + 1],
    );
    assert.equal(page.more, false);
    assert.deepEqual(page.items.slice(0, 3), [-1, 0, 1]);
    assert.equal(page.items.length, SLICE_ROWS_MAX + 2);
  });
});

describe("reads of pages", () => {
  it("are few at a time, and a page of another project does not wait for the pages of the first one", async () => {
    const reads = createPageReads();
    const begun: string[] = [];
    const ends = new Map<string, PromiseWithResolvers<void>>();
    const begin = (project: string, name: string): Promise<string> =>
      reads.run(project, async () => {
        begun.push(name);
        const end = Promise.withResolvers<void>();
        ends.set(name, end);
        await end.promise;
        return name;
      });
    const loud = Array.from({ length: 64 }, (_, page) => begin("loud", `loud ${page}`));
    await turn();
    assert.deepEqual(begun, ["loud 0", "loud 1"]);
    const quiet = begin("quiet", "quiet");
    await turn();
    assert.deepEqual(begun, ["loud 0", "loud 1", "quiet"]);
    ends.get("quiet")?.resolve();
    assert.equal(await quiet, "quiet");
    while (ends.size > 0 || begun.length < 65) {
      for (const [name, end] of ends) {
        end.resolve();
        ends.delete(name);
      }
      await turn();
    }
    assert.equal((await Promise.all(loud)).length, 64);
  });

  it("reject with the error of their own page only", async () => {
    const reads = createPageReads();
    const failing = reads.run("p", () => Promise.reject(new Error("no page")));
    const other = reads.run("p", async () => "page");
    await assert.rejects(failing, /no page/);
    assert.equal(await other, "page");
  });
});
