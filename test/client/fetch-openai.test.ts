import assert from "node:assert/strict";
import { it } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { type Api, suiteForEach } from "../support/api.ts";
import { startPaid } from "../support/paid.ts";
import { dataEvents, namedEvents, type Received } from "../support/provider.ts";
import type { BudgetClient } from "../support/server.ts";

/** gpt-4o-mini costs $0.15 and $0.60 a million tokens, text-embedding-3-small $0.02. */

const MESSAGES = [{ role: "user" as const, content: "How tall is the Eiffel tower?" }];
const USAGE = { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 };

const completion = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-4o-mini-2024-07-18",
  choices: [{ index: 0, message: { role: "assistant", content: "330 metres." }, finish_reason: "stop" }],
  usage: USAGE,
};

const chunk = (choices: unknown[], usage: unknown = null) => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1,
  model: "gpt-4o-mini-2024-07-18",
  choices,
  usage,
});
const piece = (content: string) => chunk([{ index: 0, delta: { content }, finish_reason: null }]);

/** Sends usage only to callers that ask for it, as OpenAI does. */
const streamed = ({ body }: Received) => {
  const asked = JSON.parse(body) as { stream_options?: { include_usage?: boolean } };
  const usage = asked.stream_options?.include_usage === true ? [chunk([], USAGE)] : [];
  return { stream: dataEvents([piece("330 "), piece("metres."), ...usage]) };
};

const response = {
  id: "resp_1",
  object: "response",
  model: "gpt-4o-mini-2024-07-18",
  status: "completed",
  output: [
    { id: "msg_1", type: "message", role: "assistant", content: [{ type: "output_text", text: "330 m" }] },
  ],
  usage: { input_tokens: 1000, output_tokens: 500, total_tokens: 1500 },
};

/** A client that records the sources of charges. With a refusal, it refuses completions. */
function recording(api: Api, refusal?: ConnectError) {
  const sources: (string | undefined)[] = [];
  const client: BudgetClient = {
    ...api.client,
    async updateCost(request, options) {
      const { source } = request;
      sources.push(source?.case);
      if (source?.case === "completion" && refusal !== undefined) throw refusal;
      return api.client.updateCost(request, options);
    },
  };
  return { client, sources };
}

suiteForEach("budgetFetch and OpenAI's SDK", { stores: ["PGlite"] }, (api) => {
  it("charges a chat by the usage of its answer, which it returns unchanged", async () => {
    await using paid = await startPaid(api, () => ({ json: completion, headers: { "x-request-id": "r-1" } }));
    const answer = await paid.openai.chat.completions.create({ model: "gpt-4o-mini", messages: MESSAGES });
    assert.equal(answer.choices[0]?.message.content, "330 metres.");
    assert.equal(answer._request_id, "r-1");
    // Without a flush: the charge is complete when the caller gets the answer.
    const { budget } = await api.client.getBudget(paid.name);
    assert.deepEqual([budget?.spentNanoUsd, budget?.heldNanoUsd], [450_000n, 0n]);
    const { modelCosts } = await api.client.getCurrentCost(paid.name);
    assert.deepEqual(modelCosts, { "gpt-4o-mini": 450_000n });
    assert.equal(
      paid.provider.received[0]?.body,
      JSON.stringify({ model: "gpt-4o-mini", messages: MESSAGES }),
    );
  });

  it("requests the usage of a stream, charges it, and withholds the chunk that the caller did not ask for", async () => {
    await using paid = await startPaid(api, streamed);
    const stream = await paid.openai.chat.completions.create({
      model: "gpt-4o-mini",
      messages: MESSAGES,
      stream: true,
    });
    const seen: string[] = [];
    for await (const { choices } of stream) seen.push(choices[0]?.delta.content ?? "no choice");
    assert.deepEqual(seen, ["330 ", "metres."]);
    assert.deepEqual(await paid.balance(), { spent: 450_000n, held: 0n });
  });

  it("passes the usage chunk on to callers that asked for it", async () => {
    await using paid = await startPaid(api, streamed);
    const stream = await paid.openai.chat.completions.create({
      model: "gpt-4o-mini",
      messages: MESSAGES,
      stream: true,
      stream_options: { include_usage: true },
    });
    const usages: unknown[] = [];
    for await (const { usage } of stream) usages.push(usage);
    assert.deepEqual(usages, [null, null, USAGE]);
    assert.deepEqual(await paid.balance(), { spent: 450_000n, held: 0n });
  });

  it("counts the tokens of a stream if usage cannot be requested, or the provider does not report it", async () => {
    await using paid = await startPaid(api, streamed, { streamUsage: false });
    const call = { model: "gpt-4o-mini", messages: MESSAGES, stream: true } as const;
    for await (const { choices } of await paid.openai.chat.completions.create(call)) assert.ok(choices[0]);
    assert.doesNotMatch(paid.provider.received[0]?.body ?? "", /stream_options/);
    // By tiktoken: 7 tokens of text, 7 around it, at 150 nano-dollars; and "330 metres." is 3, at 600.
    assert.deepEqual(await paid.balance(), { spent: 14n * 150n + 3n * 600n, held: 0n });
  });

  it("charges whole and streamed responses of the Responses API", async () => {
    const answer = ({ body }: Received) =>
      body.includes('"stream":true')
        ? {
            stream: namedEvents([
              { type: "response.created", response: { ...response, usage: null } },
              { type: "response.output_text.delta", item_id: "msg_1", delta: "330 m" },
              { type: "response.completed", response },
            ]),
          }
        : { json: response };
    await using paid = await startPaid(api, answer);
    const call = { model: "gpt-4o-mini", instructions: "Be short.", input: "How tall?" };
    const whole = await paid.openai.responses.create(call);
    assert.equal(whole.output_text, "330 m");
    assert.deepEqual(await paid.balance(), { spent: 450_000n, held: 0n });
    const types: string[] = [];
    for await (const event of await paid.openai.responses.create({ ...call, stream: true }))
      types.push(event.type);
    assert.deepEqual(types, ["response.created", "response.output_text.delta", "response.completed"]);
    assert.deepEqual(await paid.balance(), { spent: 900_000n, held: 0n });
  });

  it("charges embeddings and legacy completions", async () => {
    const usage = { prompt_tokens: 1000, total_tokens: 1000 };
    const answer = ({ path }: Received) =>
      path.endsWith("/embeddings")
        ? { json: { object: "list", model: "text-embedding-3-small", data: [{ embedding: [0.5] }], usage } }
        : { json: { ...completion, object: "text_completion", model: "gpt-3.5-turbo-instruct" } };
    await using paid = await startPaid(api, answer);
    const model = "text-embedding-3-small";
    await paid.openai.embeddings.create({ model, input: ["one", "two"], encoding_format: "float" });
    assert.deepEqual(await paid.balance(), { spent: 20_000n, held: 0n });
    // $1.50 and $2 a million.
    await paid.openai.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: ["Once", "Twice"] });
    assert.deepEqual(await paid.balance(), { spent: 20_000n + 2_500_000n, held: 0n });
  });

  it("charges an answer without usage for its prompt and its readable output, and tries the answer once", async () => {
    const { client, sources } = recording(api);
    await using paid = await startPaid(api, () => ({ json: { ...completion, usage: undefined } }), {
      client,
    });
    await paid.openai.chat.completions.create({ model: "gpt-4o-mini", messages: MESSAGES });
    // By tiktoken, the JSON of its choices is 26 tokens.
    assert.deepEqual(await paid.balance(), { spent: 14n * 150n + 26n * 600n, held: 0n });
    assert.deepEqual(sources, ["completion", "usage"]);
  });

  it("does not charge the texts of an answer that Purser refused for another reason than its form", async () => {
    const refusal = new ConnectError("no", Code.FailedPrecondition, undefined, [
      { desc: ErrorInfoSchema, value: { domain: "budget.v1", reason: "UNPRICED_MODEL" } },
    ]);
    const { client, sources } = recording(api, refusal);
    const lost: unknown[] = [];
    const options = { client, onLost: (error: unknown) => lost.push(error) };
    await using paid = await startPaid(api, () => ({ json: completion }), options);
    await paid.openai.chat.completions.create({ model: "gpt-4o-mini", messages: MESSAGES });
    assert.equal((await paid.balance()).spent, 0n);
    assert.deepEqual([sources, lost], [["completion"], [refusal]]);
  });

  it("charges the full hold for a background response that is fetched later", async () => {
    await using paid = await startPaid(api, () => ({ json: { ...response, status: "queued", usage: null } }));
    await paid.openai.responses.create({
      model: "gpt-4o-mini",
      input: "How tall?",
      background: true,
      max_output_tokens: 1000,
    });
    // By tiktoken: 3 tokens of text, 7 around it.
    assert.deepEqual(await paid.balance(), { spent: 10n * 150n + 1000n * 600n, held: 0n });
  });

  it("releases the hold when the provider refuses, and opens a new hold for each retry of the SDK", async () => {
    let tries = 0;
    await using paid = await startPaid(api, () =>
      ++tries < 3
        ? { status: 429, headers: { "retry-after-ms": "1" }, json: { error: { message: "slow down" } } }
        : { json: completion },
    );
    await paid.openai.chat.completions.create({ model: "gpt-4o-mini", messages: MESSAGES });
    assert.equal(paid.provider.received.length, 3);
    assert.deepEqual(await paid.balance(), { spent: 450_000n, held: 0n });
    const { reservations } = await api.client.listReservations({ project: paid.name.project });
    assert.deepEqual(
      reservations.map(({ state }) => state).toSorted((a, b) => a - b),
      [2, 3, 3],
    );
  });

  it("passes requests that are not model calls through without a charge", async () => {
    await using paid = await startPaid(api, () => ({ json: { object: "list", data: [{ id: "gpt-4o" }] } }));
    const models = await paid.openai.models.list();
    assert.deepEqual(
      models.data.map(({ id }) => id),
      ["gpt-4o"],
    );
    assert.deepEqual(
      await api.client.listReservations({ project: paid.name.project }).then((page) => page.reservations),
      [],
    );
  });
});
