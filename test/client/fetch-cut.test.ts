import assert from "node:assert/strict";
import { it } from "node:test";
import OpenAI, { APIConnectionError, APIUserAbortError } from "openai";
import { suiteForEach } from "../support/api.ts";
import { startPaid } from "../support/paid.ts";
import { dataEvents, namedEvents, startProvider } from "../support/provider.ts";
import type { BudgetClient } from "../support/server.ts";

/** The charge for a call whose usage is unknown. gpt-4o-mini: $0.15 and $0.60 a million tokens. */

const CHAT = {
  model: "gpt-4o-mini",
  messages: [{ role: "user" as const, content: "How tall is the Eiffel tower?" }],
  max_tokens: 1000,
};
const PROMPT = 14n * 150n;
/** "330 metres." */
const SEEN = 3n * 600n;

const piece = (content: string) => ({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
const half = dataEvents([piece("330 "), piece("metres.")]).slice(0, 2);
const ONCE = { maxRetries: 0 };

suiteForEach("budgetFetch and calls that end badly", { stores: ["PGlite"] }, (api) => {
  it("charges a stream that is cut for its prompt and the output received", async () => {
    await using paid = await startPaid(api, () => ({ stream: half, ending: "cut" }));
    const stream = await paid.openai.chat.completions.create({ ...CHAT, stream: true });
    let text = "";
    await assert.rejects(async () => {
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
    });
    assert.equal(text, "330 metres.");
    assert.deepEqual(await paid.balance(), { spent: PROMPT + SEEN, held: 0n });
  });

  it("charges a stream that its reader abandons in the same way, and cancels the provider's stream", async () => {
    await using paid = await startPaid(api, () => ({ stream: half, ending: "wait" }));
    const stream = await paid.openai.chat.completions.create({ ...CHAT, stream: true });
    for await (const { choices } of stream) if (choices[0]?.delta.content === "metres.") break;
    await paid.provider.abandoned;
    assert.deepEqual(await paid.balance(), { spent: PROMPT + SEEN, held: 0n });
  });

  it("charges a stream that is aborted while nothing reads it in the same way", async () => {
    await using paid = await startPaid(api, () => ({ stream: half, ending: "wait" }));
    const caller = new AbortController();
    const response = await paid.fetch(`${paid.provider.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ ...CHAT, stream: true }),
      signal: caller.signal,
    });
    const reader = response.body?.getReader();
    let text = "";
    while (!text.includes("metres.")) text += new TextDecoder().decode((await reader?.read())?.value);
    caller.abort();
    await paid.provider.abandoned;
    assert.deepEqual(await paid.balance(), { spent: PROMPT + SEEN, held: 0n });
    assert.ok(reader !== undefined);
    await assert.rejects(reader.read(), { name: "AbortError" });
  });

  it("counts tool calls and Responses events in the output of a cut stream", async () => {
    const call = { index: 0, function: { name: "look", arguments: '{"at":"x"}' } };
    const tools = dataEvents([{ choices: [{ index: 0, delta: { tool_calls: [call] } }] }]).slice(0, 1);
    await using chat = await startPaid(api, () => ({ stream: tools, ending: "cut" }));
    await assert.rejects(async () => {
      for await (const _ of await chat.openai.chat.completions.create({ ...CHAT, stream: true }));
    });
    // By tiktoken, `look{"at":"x"}` is 6 tokens.
    assert.deepEqual(await chat.balance(), { spent: PROMPT + 6n * 600n, held: 0n });
    const events = namedEvents([
      { type: "response.created", response: { object: "response", usage: null } },
      { type: "response.output_text.delta", item_id: "m", delta: "330 " },
      { type: "response.output_text.delta", item_id: "m", delta: "metres." },
    ]);
    await using responses = await startPaid(api, () => ({ stream: events, ending: "cut" }));
    const input = "How tall is the Eiffel tower?";
    await assert.rejects(async () => {
      for await (const _ of await responses.openai.responses.create({
        model: CHAT.model,
        input,
        stream: true,
      }));
    });
    assert.deepEqual(await responses.balance(), { spent: PROMPT + SEEN, held: 0n });
  });

  it("charges the prompt of a call that was sent and got no complete answer, whatever the failure", async () => {
    await using cut = await startPaid(api, () => "cut");
    await assert.rejects(cut.openai.chat.completions.create(CHAT, ONCE), APIConnectionError);
    assert.deepEqual(await cut.balance(), { spent: PROMPT, held: 0n });

    await using left = await startPaid(api, () => "wait");
    const caller = new AbortController();
    const arrived = left.provider.next();
    const call = left.openai.chat.completions.create(CHAT, { signal: caller.signal });
    await arrived;
    caller.abort();
    await assert.rejects(call, APIUserAbortError);
    assert.deepEqual(await left.balance(), { spent: PROMPT, held: 0n });

    // JSON that is cut in the middle counts as no answer, too.
    await using broken = await startPaid(api, () => ({ stream: ['{"id":'], ending: "cut" }));
    const request = { method: "POST", body: JSON.stringify(CHAT) };
    const response = await broken.fetch(`${broken.provider.url}/v1/chat/completions`, request);
    await assert.rejects(response.text());
    assert.deepEqual(await broken.balance(), { spent: PROMPT, held: 0n });
  });

  it("charges nothing for a call that was never sent, or that the provider refused", async () => {
    const gone = await startProvider(() => "cut");
    await gone[Symbol.asyncDispose]();
    await using paid = await startPaid(api, () => ({ status: 400, json: { error: { message: "no" } } }));
    const nowhere = new OpenAI({ apiKey: "none", baseURL: `${gone.url}/v1`, fetch: paid.fetch });
    await assert.rejects(nowhere.chat.completions.create(CHAT, ONCE), APIConnectionError);
    assert.deepEqual(await paid.balance(), { spent: 0n, held: 0n });
    await assert.rejects(paid.openai.chat.completions.create(CHAT), OpenAI.BadRequestError);
    assert.deepEqual(await paid.balance(), { spent: 0n, held: 0n });
    const aborted = paid.openai.chat.completions.create(CHAT, { signal: AbortSignal.abort() });
    await assert.rejects(aborted, APIUserAbortError);
    assert.equal(paid.provider.received.length, 1);
    assert.deepEqual(await paid.balance(), { spent: 0n, held: 0n });
  });

  it("does not delay an aborted call until its charge is made", async () => {
    const order: string[] = [];
    const client: BudgetClient = {
      ...api.client,
      async updateCost(...args) {
        const charged = await api.client.updateCost(...args);
        order.push("charged");
        return charged;
      },
    };
    await using paid = await startPaid(api, () => "wait", { client });
    const caller = new AbortController();
    const arrived = paid.provider.next();
    const call = paid.openai.chat.completions.create(CHAT, { signal: caller.signal });
    await arrived;
    caller.abort();
    await assert.rejects(call, APIUserAbortError);
    order.push("rejected");
    assert.deepEqual(await paid.balance(), { spent: PROMPT, held: 0n });
    assert.deepEqual(order, ["rejected", "charged"]);
  });

  it("passes a stream on unbuffered, at the pace of its reader", async () => {
    const odd = 'data: {"choices":[],"usage":null}\r\n\r\n: comment\ndata: not json\n\ndata: [DONE]\n\nrest';
    const pieces = [...new TextEncoder().encode(odd)].map((byte) => Uint8Array.of(byte));
    for (const streamOptions of [{ include_usage: true }, undefined]) {
      await using paid = await startPaid(api, () => ({ stream: pieces }));
      const response = await paid.fetch(`${paid.provider.url}/v1/chat/completions`, {
        method: "POST",
        body: JSON.stringify({ ...CHAT, stream: true, stream_options: streamOptions }),
      });
      assert.equal(await response.text(), odd);
      assert.equal(response.url, `${paid.provider.url}/v1/chat/completions`);
      assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
      assert.deepEqual(await paid.balance(), { spent: PROMPT, held: 0n });
    }
  });
});
