/**
 * Keeps OpenAI's SDK within a budget: `npx node --conditions=purser-source examples/budget-fetch.ts`.
 *
 * The example runs Purser in this process, with an empty store, and a stand-in for the provider that answers in
 * OpenAI's format. So it costs nothing and needs no key. To use a server, create the client with createPurserClient. To
 * call OpenAI itself, remove `baseURL` and pass your key. (Only this repository needs the condition: the package is not
 * installed here.)
 */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI from "openai";
import { BudgetExceededError, budgetFetch, openLocal } from "purser/client";

const CENT = 10_000_000n;
const NANO_USD_PER_USD = 1e9;
const say = (text: string): boolean => process.stdout.write(`${text}\n`);

await using stack = new AsyncDisposableStack();
const { client: purser } = stack.use(await openLocal({ dataDir: "memory://" }));
const provider = await startStandIn();
stack.defer(() => provider.close());

const alice = { project: "example", user: "alice" };
await purser.createBudget({ ...alice, totalBudgetNanoUsd: CENT });

// The only change to a program: its SDK gets this fetch.
await using fetch = budgetFetch(purser, { ...alice, timeoutMs: 60_000 });
const openai = new OpenAI({ apiKey: "none", baseURL: provider.url, fetch });

const question = {
  model: "gpt-4o-mini",
  messages: [{ role: "user" as const, content: "How tall is the Eiffel tower?" }],
  max_tokens: 10_000,
};

const answer = await openai.chat.completions.create(question);
say(`whole:    ${answer.choices[0]?.message.content}  (${await spent()} spent)`);

let text = "";
for await (const { choices } of await openai.chat.completions.create({ ...question, stream: true })) {
  text += choices[0]?.delta.content ?? "";
}
say(`streamed: ${text}  (${await spent()} spent)`);

try {
  await openai.chat.completions.create({ ...question, max_tokens: 16_000 });
} catch (error) {
  if (!(error instanceof BudgetExceededError)) throw error;
  say(`refused:  it may cost $${error.askedUsd}, and $${error.remainingUsd} of $${error.totalUsd} are left`);
}

async function spent(): Promise<string> {
  // The SDK stops reading at a stream's last event, so the charge may still be in progress.
  await fetch.flush();
  const { budget } = await purser.getBudget(alice);
  return `$${Number(budget?.spentNanoUsd) / NANO_USD_PER_USD}`;
}

/** A provider that gives every chat the same answer, whole or streamed. */
async function startStandIn(): Promise<{ url: string; close(): void }> {
  const usage = { prompt_tokens: 14, completion_tokens: 500, total_tokens: 514 };
  const content = "330 metres.";
  const whole = {
    model: "gpt-4o-mini",
    choices: [{ index: 0, message: { role: "assistant", content } }],
    usage,
  };
  const pieces = [{ choices: [{ index: 0, delta: { content } }] }, { ...whole, choices: [] }];
  const stream = (response: ServerResponse): void => {
    response.setHeader("content-type", "text/event-stream");
    response.end(
      [...pieces.map((piece) => JSON.stringify(piece)), "[DONE]"].map((data) => `data: ${data}\n\n`).join(""),
    );
  };
  const standIn = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (piece: string) => (body += piece));
    request.on("end", () => {
      if (body.includes('"stream":true')) return stream(response);
      response.setHeader("content-type", "application/json").end(JSON.stringify(whole));
    });
  }).listen(0, "127.0.0.1");
  await once(standIn, "listening");
  const { port } = standIn.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      standIn.close();
      standIn.closeAllConnections();
    },
  };
}
