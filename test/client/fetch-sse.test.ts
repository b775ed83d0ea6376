import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSseReader, type SseEvent } from "../../src/client/fetch/sse.ts";

const encoder = new TextEncoder();

const TEXT = [
  "\uFEFFdata: first\n\n",
  ": a comment\nevent: named\nid: 7\ndata: in two\ndata:lines\n\n",
  "data: ends in CR LF\r\n\r\n",
  "data: ends in CR\r\rdata\n\n",
  'data: {"text":"wörter 語 🙂"}\n\n',
  "retry: 10\n\n",
  "data: without its blank line",
].join("");

const DATA = [
  "first",
  "in two\nlines",
  "ends in CR LF",
  "ends in CR",
  "",
  '{"text":"wörter 語 🙂"}',
  "",
  "without its blank line",
];

/** Parses the events of a text that arrives in chunks of these sizes, repeated. */
function read(text: string, ...sizes: number[]): SseEvent[] {
  const bytes = encoder.encode(text);
  const reader = createSseReader();
  const events: SseEvent[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    events.push(...reader.push(bytes.subarray(at, at + size)));
    at += size;
  }
  return [...events, ...reader.end()];
}

describe("server-sent events", () => {
  it("are parsed completely, with every line ending, several data lines, comments and names", () => {
    assert.deepEqual(
      read(TEXT, 10_000).map(({ data }) => data),
      DATA,
    );
  });

  it("are the same for every chunking, also if a character or a line ending is split", () => {
    for (const sizes of [[1], [2], [3], [7], [1, 5, 2], [64], [1, 100]]) {
      const events = read(TEXT, ...sizes);
      assert.deepEqual(
        events.map(({ data }) => data),
        DATA,
        String(sizes),
      );
      const bytes = Buffer.concat(events.map((event) => event.bytes));
      assert.deepEqual(bytes, Buffer.from(encoder.encode(TEXT)), String(sizes));
    }
    const at = encoder.encode(TEXT).length;
    for (let cut = 1; cut < at; cut++) {
      assert.deepEqual(
        read(TEXT, cut, at).map(({ data }) => data),
        DATA,
        `cut at ${cut}`,
      );
    }
  });

  it("are delivered as soon as their blank line has arrived, not before", () => {
    const reader = createSseReader();
    const push = (text: string): string[] => reader.push(encoder.encode(text)).map(({ data }) => data);
    assert.deepEqual(push("data: a\n"), []);
    assert.deepEqual(push("\ndata: b"), ["a"]);
    assert.deepEqual(push("\r\n\r"), ["b"]);
    assert.deepEqual(push("\ndata: c\n\n"), ["c"]);
    assert.deepEqual(reader.end(), []);
  });
});
