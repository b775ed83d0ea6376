import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FetchInput } from "../../src/client/fetch/body.ts";
import { budgetFetch } from "../../src/client/fetch/budget-fetch.ts";
import { withDefaults } from "../../src/client/fetch/options.ts";
import { type ReadOptions, readRequest } from "../../src/client/fetch/request.ts";
import { mayBeSent } from "../../src/client/fetch/sent.ts";
import type { BudgetClient } from "../support/server.ts";

const CHAT = "https://api.openai.com/v1/chat/completions";
const OPTIONS: ReadOptions = { streamUsage: true, onUnknown: "pass" };

const read = (input: FetchInput, init?: RequestInit, options: Partial<ReadOptions> = {}) =>
  readRequest(input, init, { ...OPTIONS, ...options });
const post = (url: string, body: unknown, options: Partial<ReadOptions> = {}) =>
  read(url, { method: "POST", body: JSON.stringify(body) }, options);
const callOf = async (url: string, body: unknown) => {
  const { call } = await post(url, body);
  assert.ok(call !== undefined, `${url} is a call`);
  return call;
};

describe("a request", () => {
  it("is recognized as a model call by its path and body, for any provider's host", async () => {
    const body = { model: "m", messages: [], input: "", prompt: "" };
    for (const url of [
      CHAT,
      "https://openrouter.ai/api/v1/chat/completions/",
      "https://example.openai.azure.com/openai/deployments/d/chat/completions?api-version=1",
      "http://127.0.0.1:11434/v1/completions",
      "https://api.openai.com/v1/responses",
      "https://api.openai.com/v1/embeddings",
      "https://api.anthropic.com/v1/messages?beta=true",
    ]) {
      assert.equal((await callOf(url, body)).model, "m", url);
    }
    const { call } = await post("https://x.openai.azure.com/openai/deployments/gpt-4o/chat/completions", {
      messages: [],
    });
    assert.equal(call?.model, "gpt-4o");
    assert.equal((await read(CHAT, { method: "post", body: JSON.stringify(body) })).call?.model, "m");
  });

  it("is not a model call if it fetches, counts or uploads, or names no model", async () => {
    const init = { method: "POST", body: JSON.stringify({ role: "user", content: "hi" }) };
    const passed: [FetchInput, RequestInit | undefined][] = [
      ["https://api.openai.com/v1/models", undefined],
      [CHAT, undefined],
      ["https://api.openai.com/v1/threads/t/messages", init],
      ["https://api.openai.com/v1/audio/transcriptions", { method: "POST", body: new FormData() }],
      ["https://api.openai.com/v1/images/generations", { method: "POST", body: '{"model":"gpt-image-1"}' }],
      ["not a URL", init],
      [new Request("https://api.openai.com/v1/files/f", { method: "DELETE" }), undefined],
    ];
    for (const [input, given] of passed) {
      assert.deepEqual(await read(input, given), { call: undefined, init: given });
    }
  });

  it("may be refused if it names a model on an unknown path", async () => {
    const strict = { onUnknown: "refuse" } as const;
    const images = "https://api.openai.com/v1/images/generations";
    await assert.rejects(post(images, { model: "gpt-image-1" }, strict), {
      name: "TypeError",
      message:
        "POST /v1/images/generations names a model, and budgetFetch does not know its cost: it was not sent",
    });
    const form = new FormData();
    form.set("model", "whisper-1");
    await assert.rejects(read("https://x/v1/audio/transcriptions", { method: "POST", body: form }, strict));
    for (const path of ["moderations", "messages/count_tokens", "responses/input_tokens"]) {
      assert.equal((await post(`https://x/v1/${path}`, { model: "m" }, strict)).call, undefined);
    }
    assert.equal((await post("https://x/v1/batches", { input_file_id: "f" }, strict)).call, undefined);
  });

  it("is refused if it is a model call whose body cannot be read", async () => {
    for (const body of ["", "{", "[]", new FormData(), new URLSearchParams("model=m")]) {
      await assert.rejects(read(CHAT, { method: "POST", body }), {
        name: "TypeError",
        message:
          "the body of POST /v1/chat/completions is not a JSON object, so its cost is unknown: it was not sent",
      });
    }
  });

  it("is read from every type of body, and sent unchanged", async () => {
    const text = '{ "model": "m", "messages": [], "seed": 12345678901234567890 }';
    const bytes = new TextEncoder().encode(text);
    for (const body of [text, bytes, bytes.buffer, new Blob([bytes])]) {
      const init = { method: "POST", body, headers: { a: "b" } };
      const outgoing = await read(CHAT, init);
      assert.equal(outgoing.call?.model, "m");
      assert.equal(outgoing.init, init);
    }
    const streamed = await read(CHAT, { method: "POST", body: new Blob([bytes]).stream(), duplex: "half" });
    assert.equal(streamed.init?.body, text);
    const request = new Request(CHAT, { method: "POST", body: text });
    const { call, init } = await read(request);
    assert.deepEqual([call?.model, init], ["m", undefined]);
    assert.equal(await request.text(), text);
  });

  it("gets the option that requests the usage of a stream, and no other change", async () => {
    const init = {
      method: "POST",
      headers: { "content-length": "61", "x-mine": "1" },
      body: ' {"model":"m", "stream": true, "seed": 12345678901234567890}',
    };
    const asking = await read(CHAT, init);
    assert.equal(
      asking.init?.body,
      ' {"stream_options":{"include_usage":true},"model":"m", "stream": true, "seed": 12345678901234567890}',
    );
    assert.deepEqual([...new Headers(asking.init?.headers)], [["x-mine", "1"]]);
    assert.equal(asking.call?.hidesUsage, true);
    const other = await post(CHAT, {
      model: "m",
      stream: true,
      stream_options: { include_obfuscation: false },
    });
    assert.deepEqual(JSON.parse(other.init?.body as string), {
      model: "m",
      stream: true,
      stream_options: { include_obfuscation: false, include_usage: true },
    });
    const request = new Request(CHAT, { method: "POST", body: init.body, headers: { "x-mine": "1" } });
    assert.equal(new Headers((await read(request)).init?.headers).get("x-mine"), "1");
    for (const [url, body] of [
      [CHAT, { model: "m", stream: true, stream_options: { include_usage: true } }],
      [CHAT, { model: "m" }],
      ["https://x/v1/messages", { model: "m", stream: true, messages: [] }],
    ] as const) {
      const outgoing = await post(url, body);
      assert.deepEqual([outgoing.init?.body, outgoing.call?.hidesUsage], [JSON.stringify(body), false]);
    }
  });
});

describe("the worst case", () => {
  it("includes every message, and counts content that is not text as its JSON text", async () => {
    const { estimate } = await callOf(CHAT, {
      model: "m",
      messages: [
        { role: "user", content: "plain" },
        { role: "user", name: "bob", content: [{ type: "text", text: "named" }] },
        {
          role: "user",
          content: [{ type: "image_url", image_url: { url: "https://x/a.png", detail: "low" } }],
        },
        { role: "user", content: [{ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }] },
        { role: "assistant", content: null, tool_calls: [{ id: "1", function: { name: "f" } }] },
        "no message",
      ],
      response_format: { type: "json_object" },
    });
    assert.deepEqual(estimate.messages, [
      { role: "system", content: '{"response_format":{"type":"json_object"}}' },
      { role: "user", content: "plain" },
      {
        role: "user",
        content: [
          { type: "text", text: "named" },
          { type: "text", text: '{"name":"bob"}' },
        ],
      },
      {
        role: "user",
        content: [{ type: "image_url", image_url: { url: "https://x/a.png", detail: "low" } }],
      },
      {
        role: "user",
        content: [
          { type: "text", text: '{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}' },
        ],
      },
      {
        role: "assistant",
        content: [{ type: "text", text: '{"tool_calls":[{"id":"1","function":{"name":"f"}}]}' }],
      },
      { role: "user", content: "no message" },
    ]);
  });

  it("includes every part of the prompt of a Responses request", async () => {
    const settings = { instructions: "Be short.", tools: [], text: { format: {} }, prompt: { id: "p" } };
    const body = { model: "m", input: "How tall?", ...settings };
    const { estimate } = await callOf("https://api.openai.com/v1/responses", body);
    assert.deepEqual(estimate.messages, [
      { role: "system", content: JSON.stringify(settings) },
      { role: "user", content: "How tall?" },
    ]);
  });

  it("includes Anthropic's system prompt, and the parts within tool results", async () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } };
    const { estimate } = await callOf("https://api.anthropic.com/v1/messages", {
      model: "m",
      max_tokens: 7,
      system: "Be short.",
      messages: [{ role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: [image] }] }],
    });
    assert.deepEqual(estimate, {
      messages: [
        { role: "system", content: "Be short." },
        {
          role: "user",
          content: [
            { type: "text", text: '{"type":"tool_result","tool_use_id":"t"}' },
            { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
          ],
        },
      ],
      maxOutputTokens: 7n,
    });
  });

  it("uses the largest output bound, and every answer that is charged", async () => {
    const worst = async (url: string, body: object) => {
      const { estimate, answers } = await callOf(url, { model: "m", ...body });
      return [estimate.maxOutputTokens, answers];
    };
    assert.deepEqual(await worst(CHAT, { max_tokens: 5, max_completion_tokens: 9, n: 3 }), [9n, 3]);
    assert.deepEqual(await worst(CHAT, { max_tokens: "many", n: 0 }), [undefined, 1]);
    const completions = "https://x/v1/completions";
    assert.deepEqual(await worst(completions, { prompt: ["a", "b"], n: 2, best_of: 4, max_tokens: 5 }), [
      5n,
      8,
    ]);
    assert.deepEqual(await worst(completions, { prompt: [1, 2, 3] }), [undefined, 1]);
    assert.deepEqual(await worst("https://x/v1/embeddings", { input: ["a", "b"] }), [0n, 1]);
    assert.deepEqual(await worst("https://x/v1/responses", { input: "a", max_output_tokens: 4 }), [4n, 1]);
  });

  it("truncates data that is longer than any prompt, and never truncates text", async () => {
    const data = "A".repeat(2 ** 20);
    const text = "a word ".repeat(2 ** 16);
    const content = [
      { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } },
      { type: "file", file: { file_data: data } },
      { type: "custom", text },
    ];
    const { estimate } = await callOf(CHAT, { model: "m", messages: [{ role: "user", content }] });
    const sizes = JSON.stringify(estimate.messages).length;
    assert.ok(sizes > text.length + 2 ** 18 && sizes < text.length + 2 ** 19, String(sizes));
  });
});

describe("an error of a fetch", () => {
  it("tells whether the request may have reached the provider", async () => {
    const failed = (cause: unknown) => new TypeError("fetch failed", { cause });
    const coded = (code: string) => Object.assign(new Error(code), { code });
    assert.equal(mayBeSent(failed(coded("ECONNREFUSED"))), false);
    assert.equal(mayBeSent(failed(new AggregateError([coded("ECONNREFUSED"), coded("ENETUNREACH")]))), false);
    assert.equal(mayBeSent(failed(new AggregateError([coded("ECONNREFUSED"), coded("ECONNRESET")]))), true);
    assert.equal(mayBeSent(failed(coded("ECONNRESET"))), true);
    assert.equal(mayBeSent(new DOMException("aborted", "AbortError")), true);
    assert.equal(mayBeSent("no error at all"), true);
    const unresolved = await fetch("http://a-name-that-is.invalid").catch((error: unknown) => error);
    assert.equal(mayBeSent(unresolved), false);
  });
});

describe("the options of budgetFetch", () => {
  it("have the documented defaults", () => {
    const { fetch: _, onLost: __, ...defaults } = withDefaults({});
    assert.deepEqual(defaults, {
      onUnavailable: "fail",
      queueMax: 1000,
      timeoutMs: 10_000,
      holdMs: 900_000,
      onExpiry: "release",
      streamUsage: true,
      onUnknown: "pass",
      useReportedCost: false,
    });
  });

  it("must be in range", () => {
    for (const [option, value] of [
      ["timeoutMs", 0],
      ["queueMax", 1.5],
      ["holdMs", 86_400_001],
    ] as const) {
      assert.throws(() => budgetFetch({} as BudgetClient, { project: "p", user: "u", [option]: value }), {
        name: "RangeError",
        message: new RegExp(`^${option} must be a whole number from 1 to \\d+, not ${value}$`),
      });
    }
  });
});
