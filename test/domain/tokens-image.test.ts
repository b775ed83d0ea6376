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
  ["unknown: as many as any image can have, eight", {}, 85 + 8 * 170],
];

for (const [what, fields, tokens] of IMAGES) {
  test(`an image: ${what}`, () => assert.equal(countChat("gpt-4o", image(fields)), AROUND + tokens));
}

const dataUrl = (type: string, bytes: readonly number[]): string =>
  `data:image/${type};base64,${Buffer.from(bytes).toString("base64")}`;
const ascii = (text: string): number[] => [...Buffer.from(text, "latin1")];

const HEADERS: [type: string, bytes: number[]][] = [
  [
    "png",
    [0x89, ...ascii("PNG\r\n\x1a\n"), 0, 0, 0, 13, ...ascii("IHDR"), 0, 0, 2, 1, 0, 0, 2, 0, 8, 6, 0, 0, 0],
  ],
  ["gif", [...ascii("GIF89a"), 0x01, 0x02, 0x00, 0x02, 0, 0, 0]],
  ["jpeg", [0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 17, 8, 2, 0, 2, 1, 3, 0, 0, 0]],
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

test("a truncated or invalid image counts as one of unknown size", () => {
  const unknown = AROUND + 85 + 8 * 170;
  for (const [type, bytes] of HEADERS) {
    assert.equal(countChat("gpt-4o", image({ url: dataUrl(type, bytes.slice(0, 9)) })), unknown);
  }
  assert.equal(countChat("gpt-4o", image({ url: "data:image/png;base64,!!!!" })), unknown);
});
