import assert from "node:assert/strict";
import { test } from "node:test";
import { countChat } from "../../src/domain/tokens.ts";

const user = (content: unknown): unknown => ({ role: "user", content });
/** A chat of one user message takes 3 + "user" + 3 tokens, and its content. */
const AROUND = 3 + 1 + 3;

const image = (fields: Record<string, unknown>): unknown[] => [
  user([{ type: "image_url", image_url: { url: "https://pictures.example/1.png", ...fields } }]),
];

// 85 tokens, and 170 for each tile of 512 x 512 after scaling to fit 2048 x 2048 and a short side of 768.
const IMAGES: [what: string, fields: Record<string, unknown>, tokens: number][] = [
  ["low detail", { detail: "low" }, 85],
  ["512 x 512: one tile", { width: 512, height: 512 }, 85 + 170],
  ["513 x 512: two tiles", { width: 513, height: 512 }, 85 + 2 * 170],
  ["1024 x 1024 becomes 768 x 768: four tiles", { width: 1024, height: 1024 }, 85 + 4 * 170],
  ["2048 x 4096 becomes 768 x 1536: six tiles", { width: 2048, height: 4096, detail: "high" }, 85 + 6 * 170],
  ["1 x 1: one tile", { width: 1, height: 1 }, 85 + 170],
  ["a strip of 10,000 x 10 becomes 2,048 x 2: four tiles", { width: 10_000, height: 10 }, 85 + 4 * 170],
  ["1536 x 2048 becomes 768 x 1024: four tiles", { width: 1536, height: 2048 }, 85 + 4 * 170],
  ["1536 x 2049 becomes 768 x 1024.5: six tiles", { width: 1536, height: 2049 }, 85 + 6 * 170],
  ["4000 x 1000 becomes 2048 x 512: four tiles", { width: 4000, height: 1000 }, 85 + 4 * 170],
  ["4000 x 1001 becomes 2048 x 512.5: eight tiles", { width: 4000, height: 1001 }, 85 + 8 * 170],
  ["767 x 1024 is not enlarged: four tiles", { width: 767, height: 1024 }, 85 + 4 * 170],
  ["2048 x 768 stays: eight tiles", { width: 2048, height: 768 }, 85 + 8 * 170],
  // The ratio 768 / 1092 is not a binary fraction: 2184 * (768 / 1092) is 1536.0000000000002.
  ["1092 x 2184 becomes 768 x 1536: six tiles", { width: 1092, height: 2184 }, 85 + 6 * 170],
  ["2184 x 1092 becomes 1536 x 768: six tiles", { width: 2184, height: 1092 }, 85 + 6 * 170],
  ["the longest strip, 2^31-1 x 1: four tiles", { width: 2 ** 31 - 1, height: 1 }, 85 + 4 * 170],
  ["unknown: as many as any image can have, eight", {}, 85 + 8 * 170],
];

for (const [what, fields, tokens] of IMAGES) {
  test(`an image: ${what}`, () => assert.equal(countChat("gpt-4o", image(fields)), AROUND + tokens));
}

const dataUrl = (type: string, bytes: readonly number[]): string =>
  `data:image/${type};base64,${Buffer.from(bytes).toString("base64")}`;
const ascii = (text: string): number[] => [...Buffer.from(text, "latin1")];

/** A segment of a JPEG: its marker, its length, which includes itself, and `bytes` of content. */
const segment = (marker: number, bytes: number): number[] => [
  0xff,
  marker,
  0,
  bytes + 2,
  ...Array.from({ length: bytes }, () => 0x11),
];
/** A frame of 513 x 512 pixels, with its marker. */
const frame = (marker: number): number[] => [0xff, marker, 0, 17, 8, 2, 0, 2, 1, 3, 0, 0, 0];

const HEADERS: [type: string, bytes: number[]][] = [
  [
    "png",
    [0x89, ...ascii("PNG\r\n\x1a\n"), 0, 0, 0, 13, ...ascii("IHDR"), 0, 0, 2, 1, 0, 0, 2, 0, 8, 6, 0, 0, 0],
  ],
  ["gif", [...ascii("GIF89a"), 0x01, 0x02, 0x00, 0x02, 0, 0, 0]],
  ["jpeg", [0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, ...frame(0xc0)]],
  [
    "webp",
    [
      ...ascii("RIFF"),
      0,
      0,
      0,
      0,
      ...ascii("WEBPVP8X"),
      10,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0x00,
      0x02,
      0,
      0xff,
      0x01,
      0,
    ],
  ],
  [
    "webp",
    [
      ...ascii("RIFF"),
      0,
      0,
      0,
      0,
      ...ascii("WEBPVP8 "),
      10,
      0,
      0,
      0,
      0,
      0,
      0,
      0x9d,
      0x01,
      0x2a,
      0x01,
      0x02,
      0x00,
      0x02,
    ],
  ],
  [
    "webp",
    [
      ...ascii("RIFF"),
      0,
      0,
      0,
      0,
      ...ascii("WEBPVP8L"),
      10,
      0,
      0,
      0,
      0x2f,
      0x00,
      0xc2,
      0x7f,
      0x00,
      0,
      0,
      0,
      0,
      0,
    ],
  ],
];

for (const [type, bytes] of HEADERS) {
  test(`the size of a ${type} in a data: URL is read, here 513 x 512`, () => {
    assert.equal(countChat("gpt-4o", image({ url: dataUrl(type, bytes) })), AROUND + 85 + 2 * 170);
  });
}

// Markers: T.81 of ITU-T, table B.1.
const TABLES: [name: string, marker: number][] = [
  ["Huffman tables (DHT)", 0xc4],
  ["a JPEG extension (JPG)", 0xc8],
  ["arithmetic conditioning (DAC)", 0xcc],
  ["quantization tables (DQT)", 0xdb],
];

for (const [name, marker] of TABLES) {
  test(`the size of a jpeg is read from its frame, also after ${name}`, () => {
    const bytes = [0xff, 0xd8, ...segment(marker, 20), ...frame(0xc2)];
    assert.equal(countChat("gpt-4o", image({ url: dataUrl("jpeg", bytes) })), AROUND + 85 + 2 * 170);
  });
}

test("each kind of frame of a jpeg has the size", () => {
  for (const marker of [0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]) {
    const url = dataUrl("jpeg", [0xff, 0xd8, ...segment(0xe1, 30), ...frame(marker)]);
    assert.equal(countChat("gpt-4o", image({ url })), AROUND + 85 + 2 * 170, marker.toString(16));
  }
});

test("a truncated or invalid image counts as one of unknown size", () => {
  const unknown = AROUND + 85 + 8 * 170;
  for (const [type, bytes] of HEADERS) {
    assert.equal(countChat("gpt-4o", image({ url: dataUrl(type, bytes.slice(0, 9)) })), unknown);
  }
  assert.equal(countChat("gpt-4o", image({ url: "data:image/png;base64,!!!!" })), unknown);
});
