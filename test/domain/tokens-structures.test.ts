import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createCandidates, NO_PLACE, notTooLarge, PREPARING } from "../../src/domain/tokens/candidates.ts";
import {
  CASELESS,
  classOf,
  LOWER,
  MARK,
  NEWLINE,
  NUMBER,
  OTHER,
  SLASH,
  SPACE,
  UPPER,
} from "../../src/domain/tokens/classes.ts";
import { hashBetween, hashBytes, hashOn } from "../../src/domain/tokens/hash.ts";
import { createNumberHeap } from "../../src/domain/tokens/heap.ts";
import { imageSize } from "../../src/domain/tokens/image-size.ts";
import { sortSteps } from "../../src/domain/tokens/sort.ts";
import { createRandom } from "../support/random.ts";

const random = createRandom(1);
const numbers = (count: number, bound: number): number[] =>
  Array.from({ length: count }, () => random.below(bound));
const ascending = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

describe("the heap of numbers", () => {
  it("returns what was added in ascending order", () => {
    for (let count = 0; count < 40; count++) {
      const heap = createNumberHeap();
      const keys = numbers(count, 20);
      for (const key of keys) heap.push(key);
      const popped = keys.map(() => {
        const smallest = heap.smallest();
        assert.equal(heap.pop(), smallest);
        return smallest;
      });
      assert.deepEqual(popped, ascending(keys));
      assert.deepEqual([heap.smallest(), heap.pop(), heap.pop()], [-1, -1, -1]);
    }
  });

  it("may get more between", () => {
    const heap = createNumberHeap();
    heap.push(5);
    heap.push(3);
    assert.equal(heap.pop(), 3);
    heap.push(4);
    heap.push(9);
    assert.deepEqual([heap.pop(), heap.pop(), heap.pop(), heap.pop()], [4, 5, 9, -1]);
  });
});

describe("the interruptible sort", () => {
  /** The sorted values, and the number of steps. */
  const sorted = (values: readonly number[]): [values: number[], steps: number] => {
    const array = Int32Array.from(values);
    let steps = 0;
    for (const _ of sortSteps(array)) steps++;
    return [[...array], steps];
  };

  it("sorts numbers of any size from 0 to 2^31 - 1", () => {
    for (const bound of [2, 2047, 2048, 2049, 2 ** 22, 2 ** 31]) {
      const values = [...numbers(300, bound), bound - 1, 0];
      assert.deepEqual(sorted(values)[0], ascending(values));
    }
    assert.deepEqual(sorted([]), [[], 0]);
    assert.deepEqual(sorted([0, 0])[0], [0, 0]);
  });

  it("stops at least every 8,192 values", () => {
    const values = numbers(20_000, 2048);
    const [result, steps] = sorted(values);
    assert.deepEqual(result, ascending(values));
    // Three stops while it looks for the largest, and three in each of the two passes over its only digit.
    assert.equal(steps, 9);
  });
});

describe("the hash of a part of a text", () => {
  const bytes = Uint8Array.from(numbers(1500, 256));
  const text = { bytes, starts: new Int32Array(bytes.length + 1) };
  hashOn(text, 0, 700);
  hashOn(text, 700, bytes.length);

  it("is the hash of its bytes, wherever it begins, up to 1,024 bytes", () => {
    for (const [start, end] of [
      [0, 0],
      [0, 1],
      [699, 701],
      [5, 1029],
      [476, 1500],
    ] as const) {
      assert.equal(hashBetween(text, start, end), hashBytes(bytes, start, end), `${start} to ${end}`);
    }
  });

  it("differs for texts of zeros of different lengths, and for another order", () => {
    const zeros = [0, 1, 2, 3].map((length) => hashBytes(new Uint8Array(length), 0, length));
    assert.equal(new Set(zeros).size, 4);
    assert.notEqual(hashBytes(Uint8Array.of(1, 2), 0, 2), hashBytes(Uint8Array.of(2, 1), 0, 2));
  });
});

describe("the queue of candidates", () => {
  const takeAll = (candidates: ReturnType<typeof createCandidates>): [rank: number, place: number][] => {
    const taken: [rank: number, place: number][] = [];
    for (let place = candidates.take(); place !== NO_PLACE; place = candidates.take()) {
      if (place !== PREPARING) taken.push([candidates.rank, place]);
    }
    return taken;
  };
  const inOrder = (added: readonly (readonly [rank: number, place: number])[]) =>
    added.toSorted(([rankA, placeA], [rankB, placeB]) => rankA - rankB || placeA - placeB);

  it("orders by rank and then by place, in whatever order they were added", () => {
    const candidates = createCandidates(16);
    for (const count of [1, 2, 50, 9000, 30_000]) {
      const ranks = numbers(count, 3);
      const places = ranks.map((_, index) => (index * 7919) % 30_011);
      const added = ranks.map((rank, index) => [rank, places[index] ?? 0] as const);
      candidates.reserve(count);
      for (const [rank, place] of added) candidates.add(rank, place);
      assert.deepEqual(takeAll(candidates), inOrder(added));
      candidates.clear();
    }
  });

  it("orders places that were added from left to right, or from right to left", () => {
    const candidates = createCandidates(16);
    for (const places of [Array.from({ length: 20_000 }, (_, place) => place), [3, 2, 1, 0], [0, 2, 1, 3]]) {
      for (const place of places) candidates.add(7, place);
      assert.deepEqual(
        takeAll(candidates).map(([, place]) => place),
        ascending(places),
      );
    }
  });

  it("interrupts a turn for a lower rank, and then goes on with it", () => {
    const candidates = createCandidates(16);
    for (const place of [1, 2, 3]) candidates.add(5, place);
    assert.equal(candidates.take(), 1);
    candidates.add(2, 9);
    candidates.add(2, 8);
    candidates.add(7, 4);
    assert.deepEqual(takeAll(candidates), [
      [2, 8],
      [2, 9],
      [5, 2],
      [5, 3],
      [7, 4],
    ]);
  });

  it("prepares a long list in several calls, and a short one in the call that needs it", () => {
    const candidates = createCandidates(16);
    for (let place = 0; place < 8192; place++) candidates.add(1, place);
    assert.equal(candidates.take(), 0);
    candidates.clear();
    for (let place = 0; place < 8193; place++) candidates.add(1, place);
    assert.equal(candidates.take(), PREPARING);
    assert.equal(candidates.take(), 0);
  });

  it("is empty after it was cleared, also in the middle of a list", () => {
    const candidates = createCandidates(16);
    for (let place = 0; place < 9000; place++) candidates.add(place % 2, place);
    candidates.take();
    candidates.add(0, 1);
    candidates.clear();
    assert.equal(candidates.take(), NO_PLACE);
    candidates.add(3, 4);
    assert.deepEqual(takeAll(candidates), [[3, 4]]);
  });

  it("keeps arrays of up to 2^18 numbers for the next text", () => {
    const kept = new Int32Array(2 ** 18);
    assert.equal(notTooLarge(kept), kept);
    assert.equal(notTooLarge(new Int32Array(2 ** 18 + 1)).length, 1024);
  });
});

describe("the class of a character", () => {
  for (const [characters, expected] of [
    ["aßя", LOWER],
    ["AЯǅ", UPPER],
    ["ʰ漢ا", CASELESS],
    ["\u0301\u093e", MARK],
    ["0٣½Ⅷ", NUMBER],
    ["\r\n", NEWLINE],
    [" \t\u00a0\u2028", SPACE],
    ["/", SLASH],
    [".\\_€😀\u0000", OTHER],
  ] as const) {
    it(`of ${JSON.stringify(characters)} is ${expected}, each time`, () => {
      for (const character of characters.repeat(2)) {
        assert.equal(classOf(character.codePointAt(0) ?? 0), expected, JSON.stringify(character));
      }
    });
  }
});

describe("the size in the header of an image", () => {
  const sizeOf = (bytes: Buffer, head = "data:image/x;base64,") => imageSize(head + bytes.toString("base64"));

  const png = (width: number, height: number): Buffer => {
    const bytes = Buffer.alloc(24);
    bytes.writeUInt32BE(0x89504e47);
    bytes.writeUInt32BE(width, 16);
    bytes.writeUInt32BE(height, 20);
    return bytes;
  };
  const gif = (width: number, height: number): Buffer => {
    const bytes = Buffer.alloc(10);
    bytes.write("GIF89a", "latin1");
    bytes.writeUInt16LE(width, 6);
    bytes.writeUInt16LE(height, 8);
    return bytes;
  };
  const webp = (kind: string, write: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.alloc(30);
    bytes.write("RIFF", 0, "latin1");
    bytes.write(`WEBP${kind}`, 8, "latin1");
    write(bytes);
    return bytes;
  };

  it("is read exactly from a PNG and from a GIF", () => {
    assert.deepEqual(sizeOf(png(70_001, 3)), { width: 70_001, height: 3 });
    assert.deepEqual(sizeOf(gif(65_535, 258)), { width: 65_535, height: 258 });
  });

  it("is read exactly from each kind of WebP", () => {
    const lossy = webp("VP8 ", (bytes) => {
      // The upper two bits are a scale.
      bytes.writeUInt16LE(0xc000 | 9_001, 26);
      bytes.writeUInt16LE(0x4000 | 16_383, 28);
    });
    assert.deepEqual(sizeOf(lossy), { width: 9_001, height: 16_383 });
    const lossless = webp("VP8L", (bytes) => bytes.writeUInt32LE((0x3 << 28) | (4_321 << 14) | 12_345, 21));
    assert.deepEqual(sizeOf(lossless), { width: 12_346, height: 4_322 });
    const extended = webp("VP8X", (bytes) => {
      bytes.writeUIntLE(70_000, 24, 3);
      bytes.writeUIntLE(258, 27, 3);
    });
    assert.deepEqual(sizeOf(extended), { width: 70_001, height: 259 });
    assert.equal(sizeOf(webp("VP9 ", (bytes) => bytes.fill(7, 20))), undefined);
  });

  it("is read exactly from the frame of a JPEG, after segments of any length", () => {
    const frame = [0xff, 0xc0, 0, 17, 8, 0x12, 0x34, 0x56, 0x78];
    const size = { width: 0x5678, height: 0x1234 };
    assert.deepEqual(sizeOf(Buffer.from([0xff, 0xd8, ...frame])), size);
    assert.deepEqual(sizeOf(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, ...frame])), size);
    // A length below 2 is invalid, and counts as 2.
    assert.deepEqual(sizeOf(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0, ...frame])), size);
    assert.equal(sizeOf(Buffer.from([0xff, 0xd8, ...frame.slice(0, -1)])), undefined);
    assert.equal(sizeOf(Buffer.from([0xff, 0xd8, 0x00, ...frame, 0, 0, 0])), undefined);
    assert.equal(sizeOf(Buffer.from([0xff, 0xd9, ...frame])), undefined);
  });

  it("is unknown if a side is 0, or a header is incomplete", () => {
    assert.equal(sizeOf(png(0, 3)), undefined);
    assert.equal(sizeOf(png(3, 0)), undefined);
    assert.deepEqual(sizeOf(png(1, 1)), { width: 1, height: 1 });
    assert.equal(sizeOf(png(3, 3).subarray(0, 23)), undefined);
    assert.equal(sizeOf(gif(3, 3).subarray(0, 9)), undefined);
    assert.equal(sizeOf(webp("VP8X", (bytes) => bytes.fill(7, 20)).subarray(0, 29)), undefined);
    assert.equal(sizeOf(Buffer.alloc(40)), undefined);
  });

  it("is read from data: URLs in base64 only", () => {
    const known = { width: 5, height: 6 };
    assert.deepEqual(sizeOf(png(5, 6), "DATA:image/png;BASE64,"), known);
    assert.deepEqual(sizeOf(png(5, 6), `data:${"x".repeat(200)};base64,`), known);
    assert.equal(sizeOf(png(5, 6), `data:${"x".repeat(201)};base64,`), undefined);
    assert.equal(sizeOf(png(5, 6), "data:image/png,"), undefined);
    assert.equal(sizeOf(png(5, 6), "https://a.example/data:image/png;base64,"), undefined);
  });
});
