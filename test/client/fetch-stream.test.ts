import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { type Known, knownOf, NOTHING_KNOWN, type StreamReader } from "../../src/client/fetch/api.ts";
import type { JsonObject } from "../../src/client/fetch/json.ts";
import { anthropicMessages } from "../../src/client/fetch/providers/anthropic.ts";
import { openaiChat } from "../../src/client/fetch/providers/openai-chat.ts";
import { openaiResponses } from "../../src/client/fetch/providers/openai-responses.ts";
import { openaiCompletions } from "../../src/client/fetch/providers/openai-text.ts";
import { followStream } from "../../src/client/fetch/stream.ts";

const encoder = new TextEncoder();

/** A source stream that records how often it was pulled, and how it ended. */
function sourceOf(pieces: readonly string[]) {
  const said = { pulls: 0, cancelled: undefined as unknown };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces[said.pulls++];
        if (piece === undefined) controller.close();
        else controller.enqueue(encoder.encode(piece));
      },
      cancel(reason) {
        said.cancelled = reason;
      },
    },
    { highWaterMark: 0 },
  );
  return { said, body };
}

const ignoring = (): StreamReader => ({ read: () => false, known: () => NOTHING_KNOWN });

describe("a stream that is passed on", () => {
  it("is read no faster than its reader reads, and ends after it is settled", async () => {
    const { said, body } = sourceOf(["data: 1\n\n", "data: 2\n\n"]);
    const settled = Promise.withResolvers<void>();
    const ends: Known[] = [];
    const onEnd = (known: Known) => {
      ends.push(known);
      return settled.promise;
    };
    const following = { reader: ignoring(), hidesUsage: false, signal: undefined, onEnd };
    const reader = followStream(body, following).getReader();
    assert.equal(said.pulls, 0);
    await reader.read();
    assert.equal(said.pulls, 1);
    await reader.read();
    assert.equal(said.pulls, 2);
    let isOver = false;
    const over = reader.read().then(({ done }) => {
      isOver = done;
    });
    await new Promise(setImmediate);
    assert.deepEqual([ends.length, isOver], [1, false]);
    settled.resolve();
    await over;
    assert.deepEqual([ends.length, isOver], [1, true]);
  });

  it("is settled at its last event, whether or not the reader continues", async () => {
    const types = ["message_stop", "response.completed", "response.incomplete", "response.failed"];
    const named = types.map((type) => `event: ${type}\ndata: {"type":"${type}"}\n\n`);
    for (const last of ["data: [DONE]\n\n", ...named]) {
      const { body } = sourceOf(["data: 1\n\n", last, "data: 2\n\n"]);
      let ends = 0;
      const onEnd = async () => {
        ends++;
      };
      const following = { reader: ignoring(), hidesUsage: false, signal: undefined, onEnd };
      const reader = followStream(body, following).getReader();
      await reader.read();
      assert.equal(ends, 0);
      await reader.read();
      assert.equal(ends, 1, last);
      await reader.read();
      await reader.read();
      assert.equal(ends, 1);
    }
  });

  it("is settled once when its reader cancels, and its source gets the reason", async () => {
    const { said, body } = sourceOf(["data: 1\n\n", "data: 2\n\n"]);
    let ends = 0;
    const caller = new AbortController();
    const onEnd = async () => {
      ends++;
    };
    const following = { reader: ignoring(), hidesUsage: false, signal: caller.signal, onEnd };
    const reader = followStream(body, following).getReader();
    await reader.read();
    assert.equal(getEventListeners(caller.signal, "abort").length, 1);
    await reader.cancel("enough");
    assert.equal(getEventListeners(caller.signal, "abort").length, 0);
    caller.abort();
    assert.deepEqual([said.cancelled, ends], ["enough", 1]);
  });

  it("withholds the usage chunk for every chunking, and nothing else", async () => {
    const chunks = [
      'data: {"choices":[{"index":0,"delta":{"content":"é"}}]}\r\n\r\n',
      'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\r\n\r\n',
      "data: [DONE]\r\n\r\n",
    ];
    for (const size of [1, 2, 5, 50, 1000]) {
      const text = chunks.join("");
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
        text.slice(at * size, (at + 1) * size),
      );
      let ended: Known | undefined;
      const onEnd = async (known: Known) => {
        ended = known;
      };
      const reader = openaiChat.readStream();
      const following = { reader, hidesUsage: true, signal: undefined, onEnd };
      const passed = await new Response(followStream(sourceOf(pieces).body, following)).text();
      assert.equal(passed, `${chunks[0]}${chunks[2]}`, String(size));
      assert.deepEqual(ended?.completion, { usage: { prompt_tokens: 1, completion_tokens: 1 } });
      assert.equal(ended?.output, "é");
    }
  });
});

describe("the usage known of a stream", () => {
  const knownAfter = (reader: StreamReader, events: readonly JsonObject[]): Known => {
    for (const event of events) reader.read(event);
    return reader.known();
  };

  it("is the newest one if a provider sends usage with every chunk", () => {
    const usage = (completion_tokens: number) => ({ prompt_tokens: 9, completion_tokens });
    const { completion } = knownAfter(openaiChat.readStream(), [
      { model: "m", choices: [{ index: 0, delta: { content: "a" } }], usage: usage(1) },
      { model: "m", choices: [{ index: 0, delta: { content: "b" } }], usage: usage(2) },
    ]);
    assert.deepEqual(completion, { model: "m", usage: usage(2) });
  });

  it("is read from Groq's own field, and the text of several answers is kept apart", () => {
    const groq = { id: "r", usage: { prompt_tokens: 1, completion_tokens: 2 } };
    const { completion, output } = knownAfter(openaiChat.readStream(), [
      { choices: [{ index: 0, delta: { content: "one " } }] },
      { choices: [{ index: 1, delta: { content: "two " } }] },
      { choices: [{ index: 0, delta: { content: "more" } }] },
      { choices: [], x_groq: groq },
    ]);
    assert.deepEqual(completion, { x_groq: groq });
    assert.equal(output, "one more\ntwo ");
  });

  it("combines Anthropic's input with the counted output until the last event reports the output", () => {
    const start = { type: "message", model: "m", usage: { input_tokens: 7, output_tokens: 2 } };
    const reader = anthropicMessages.readStream();
    const early = knownAfter(reader, [
      { type: "message_start", message: { ...start, content: [] } },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hm" } },
      { type: "content_block_start", index: 1, content_block: { type: "tool_use", name: "look" } },
      { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: "{}" } },
    ]);
    assert.deepEqual([early.completion, early.output], [undefined, "hm\nlook{}"]);
    assert.deepEqual(early.withOutputTokens?.(5), { ...start, usage: { input_tokens: 7, output_tokens: 5 } });
    assert.deepEqual(early.withOutputTokens?.(1), start);
    const last = { type: "message_delta", usage: { input_tokens: null, output_tokens: 50 } };
    assert.deepEqual(knownAfter(reader, [last]).completion, {
      ...start,
      usage: { input_tokens: 7, output_tokens: 50 },
    });
  });

  it("has at most 1 MiB of output, in every API, and leaves pieces out that do not fit", () => {
    const mebibyte = 1024 * 1024;
    const long = "a".repeat(mebibyte - 1);
    const events: [reader: StreamReader, event: (piece: string) => JsonObject][] = [
      [openaiChat.readStream(), (content) => ({ choices: [{ index: 0, delta: { content } }] })],
      [openaiCompletions.readStream(), (text) => ({ choices: [{ index: 0, text }] })],
      [openaiResponses.readStream(), (delta) => ({ type: "t", item_id: "m", delta })],
      [anthropicMessages.readStream(), (text) => ({ index: 0, delta: { text } })],
    ];
    for (const [reader, event] of events) {
      reader.read({ type: "message_start", message: { model: "m" } });
      const { output } = knownAfter(reader, [long, "bb", "c", "d"].map(event));
      assert.ok(output === `${long}c`, `${output.length} characters`);
    }
    const whole = { choices: [{ message: { content: "a ".repeat(mebibyte / 2) } }] };
    assert.equal(knownOf(whole).output.length, mebibyte);
  });

  it("is empty if the stream was cut before its first event", () => {
    assert.deepEqual(knownAfter(anthropicMessages.readStream(), [{ type: "ping" }]), NOTHING_KNOWN);
  });
});
