/**
 * Shows the life of some budgets on a temporary server: `npm run demo`.
 *
 * The demo starts a server on free ports with an empty embedded store, and deletes the store at the end.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import pino from "pino";
import { type Budget, Duration } from "../gen/es/budget/v1/budget_pb.ts";
import { BudgetService } from "../gen/es/budget/v1/budget_service_pb.ts";
import { loadConfig } from "../src/config.ts";
import { formatUsd } from "../src/domain/money.ts";
import { startServer } from "../src/server/server.ts";

const CENT = 10_000_000n;
const DOLLAR = 100n * CENT;
const RESPONSES = new URL("responses/", import.meta.url);

const say = (text = ""): boolean => process.stdout.write(`${text}\n`);

await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), "purser-demo-"));
stack.defer(() => rm(folder, { recursive: true, force: true }));
const config = loadConfig({ GRPC_PORT: "0", HTTP_PORT: "0", DATA_DIR: folder });
const server = stack.use(await startServer(config, pino({ level: "warn" }, pino.destination(2))));
const client = createClient(
  BudgetService,
  createGrpcTransport({ baseUrl: `http://${server.host}:${server.grpcPort}` }),
);
say(`A server of its own, gRPC on port ${server.grpcPort}.\n`);

say("1. alice may spend $10 a month.");
const alice = { project: "demo", user: "alice" };
await client.createBudget({ ...alice, totalBudgetNanoUsd: 10n * DOLLAR, duration: Duration.MONTHLY });

say("\n2. What would this chat cost?");
const projected = await client.projectedCost({
  ...alice,
  model: "gpt-4o",
  messages: [
    { role: "system", content: "You answer questions about cloud bills." },
    { role: "user", content: "Which of our teams spent more this week than last week, and why?" },
  ],
  maxOutputTokens: 1000n,
});
say(`   The prompt has ${projected.promptTokens} tokens: ${formatUsd(projected.promptCostNanoUsd)}.`);
say(`   At worst, with 1000 tokens of answer: ${formatUsd(projected.worstCaseCostNanoUsd ?? 0n)}.`);
say(`   Within budget: ${projected.withinBudget ? "yes" : "no"}.`);
say(`   What remains would pay for ${projected.maxAffordableOutputTokens} tokens of answer.`);

say("\n3. Calls were made. Their responses are charged as the providers sent them.");
for (const name of (await readdir(RESPONSES)).toSorted()) {
  const completion = JSON.parse(await readFile(new URL(name, RESPONSES), "utf8")) as JsonObject;
  const charged = await client.updateCost({
    ...alice,
    requestId: `demo-${name}`,
    source: { case: "completion", value: completion },
  });
  say(`   ${name.padEnd(32)} ${formatUsd(charged.costNanoUsd).padStart(14)}`);
}

say("\n4. The same response again, with the same request_id: charged once.");
const first = (await readdir(RESPONSES)).toSorted()[0] ?? "";
const again = await client.updateCost({
  ...alice,
  requestId: `demo-${first}`,
  source: {
    case: "completion",
    value: JSON.parse(await readFile(new URL(first, RESPONSES), "utf8")) as JsonObject,
  },
});
say(`   replayed: ${again.replayed ? "yes" : "no"}`);

say("\n5. bob has one cent a day. A charge is a fact: it is recorded even when it exceeds the budget.");
const bob = { project: "demo", user: "bob" };
await client.createBudget({ ...bob, totalBudgetNanoUsd: CENT, duration: Duration.DAILY });
const over = await client.updateCost({
  ...bob,
  source: { case: "usage", value: { model: "gpt-4o", inputTokens: 3_000n, outputTokens: 500n } },
});
say(`   charged ${formatUsd(over.costNanoUsd)}, over budget: ${over.overBudget ? "yes" : "no"}`);

say("\n6. The budgets.\n");
const { budgets } = await client.listUsers({ project: "demo" });
table(budgets);

say("\n7. What alice spent, by model.\n");
const { modelCosts } = await client.getCurrentCost(alice);
for (const [model, cost] of Object.entries(modelCosts))
  say(`   ${model.padEnd(32)} ${formatUsd(cost).padStart(14)}`);

function table(rows: readonly Budget[]): void {
  const line = (user: string, total: string, spent: string, remaining: string, until: string): boolean =>
    say(`   ${user.padEnd(8)}${total.padStart(10)}${spent.padStart(15)}${remaining.padStart(16)}  ${until}`);
  line("user", "total", "spent", "remaining", "until");
  for (const { user, totalBudgetNanoUsd, spentNanoUsd, remainingNanoUsd, periodEnd } of rows) {
    const until = periodEnd === undefined ? "for ever" : timestampDate(periodEnd).toISOString();
    line(user, formatUsd(totalBudgetNanoUsd), formatUsd(spentNanoUsd), formatUsd(remainingNanoUsd), until);
  }
}
