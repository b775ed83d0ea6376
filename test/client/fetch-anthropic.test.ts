import assert from "node:assert/strict";
import { it } from "node:test";
import { suiteForEach } from "../support/api.ts";
import { startPaid } from "../support/paid.ts";
import { namedEvents } from "../support/provider.ts";

/** claude-haiku-4-5 costs $1 and $5 a million tokens; reading its cache $0.10. */

const CALL = {
  model: "claude-haiku-4-5",
  max_tokens: 1000,
  system: [{ type: "text" as const, text: "Be short.", cache_control: { type: "ephemeral" as const } }],
  messages: [{ role: "user" as const, content: "How tall is the Eiffel tower?" }],
};

const message = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-haiku-4-5-20251001",
  content: [{ type: "text", text: "330 metres." }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: {
    input_tokens: 1000,
    cache_read_input_tokens: 2000,
    cache_creation_input_tokens: 0,
    output_tokens: 100,
  },
};
const COST = 1000n * 1000n + 2000n * 100n + 100n * 5000n;

const events = namedEvents([
  {
    type: "message_start",
    message: { ...message, content: [], usage: { ...message.usage, output_tokens: 1 } },
  },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "ping" },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "330 " } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "metres." } },
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 100 } },
  { type: "message_stop" },
]);

suiteForEach("budgetFetch and Anthropic's SDK", { stores: ["PGlite"] }, (api) => {
  it("charges a message by the usage of its answer", async () => {
    await using paid = await startPaid(api, () => ({ json: message }));
    const answer = await paid.anthropic.messages.create(CALL);
    assert.deepEqual(answer.content, message.content);
    assert.deepEqual(await paid.balance(), { spent: COST, held: 0n });
  });

  it("charges a stream by the usage of its first and last events combined", async () => {
    await using paid = await startPaid(api, () => ({ stream: events }));
    const final = await paid.anthropic.messages.stream(CALL).finalMessage();
    assert.deepEqual(final.content, [{ type: "text", text: "330 metres." }]);
    assert.equal(final.usage.output_tokens, 100);
    assert.deepEqual(await paid.balance(), { spent: COST, held: 0n });
  });

  it("charges a stream that the caller abandons by its input and the output received so far", async () => {
    const upToTheText = events.slice(0, 5);
    await using paid = await startPaid(api, () => ({ stream: upToTheText, ending: "wait" }));
    for await (const event of await paid.anthropic.messages.create({ ...CALL, stream: true })) {
      if (JSON.stringify(event).includes("metres.")) break;
    }
    await paid.provider.abandoned;
    // "330 metres." is 3 tokens by the nearest tokenizer.
    assert.deepEqual(await paid.balance(), {
      spent: 1000n * 1000n + 2000n * 100n + 3n * 5000n,
      held: 0n,
    });
  });

  it("passes requests that count tokens through without a charge", async () => {
    await using paid = await startPaid(api, () => ({ json: { input_tokens: 12 } }), { onUnknown: "refuse" });
    const { model, messages } = CALL;
    assert.deepEqual(await paid.anthropic.messages.countTokens({ model, messages }), { input_tokens: 12 });
    assert.deepEqual(await paid.balance(), { spent: 0n, held: 0n });
  });

  it("counts every kind of content in the worst case, and sends the request unchanged", async () => {
    await using paid = await startPaid(api, () => ({ json: message }), {
      totalNanoUsd: 10n ** 12n,
    });
    const data = Buffer.alloc(3000, 7).toString("base64");
    const sent = {
      ...CALL,
      tools: [{ name: "look", input_schema: { type: "object" as const, $defs: { a: { type: "string" } } } }],
      messages: [
        {
          role: "user" as const,
          content: [
            { type: "text" as const, text: "What is this?" },
            {
              type: "image" as const,
              source: { type: "base64" as const, media_type: "image/png" as const, data },
            },
            {
              type: "document" as const,
              source: { type: "base64" as const, media_type: "application/pdf" as const, data },
            },
          ],
        },
        {
          role: "assistant" as const,
          content: [{ type: "tool_use" as const, id: "t1", name: "look", input: { at: "x" } }],
        },
        {
          role: "user" as const,
          content: [
            {
              type: "tool_result" as const,
              tool_use_id: "t1",
              content: [{ type: "text" as const, text: "A tower." }],
            },
          ],
        },
      ],
    };
    await paid.anthropic.messages.create(sent);
    assert.deepEqual(JSON.parse(paid.provider.received[0]?.body ?? ""), sent);
    const { reservations } = await api.client.listReservations({ project: paid.name.project });
    // An image of unknown size, 1000 output tokens, and more than one token for every 4 characters of the document.
    const least = 1000n * 5000n + (1445n + BigInt(data.length / 4)) * 1000n;
    assert.ok((reservations[0]?.heldNanoUsd ?? 0n) > least, String(reservations[0]?.heldNanoUsd));
  });
});
