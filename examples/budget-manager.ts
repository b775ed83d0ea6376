/**
 * The methods of LiteLLM's BudgetManager on Purser: `npx node --conditions=purser-source examples/budget-manager.ts`.
 *
 * The example needs no server: the whole service runs in this process. To use a server, pass
 * `{ apiBase: "http://127.0.0.1:8080" }`. (Only this repository needs the condition, which names the sources: the
 * package is not installed here.)
 */
import { readFile } from "node:fs/promises";
import { BudgetManager, BudgetNotFoundError, PurserError } from "purser/client";

const say = (text: string): boolean => process.stdout.write(`${text}\n`);
const completion = JSON.parse(
  await readFile(new URL("responses/openai-chat-completion.json", import.meta.url), "utf8"),
) as object;

await using budgets = new BudgetManager("my-project", { clientType: "local", dataDir: "memory://" });

if (!(await budgets.isValidUser("alice"))) await budgets.createBudget(10, "alice", "monthly");

const messages = [{ role: "user", content: "Hey, how's it going?" }];
const projected = await budgets.projectedCost("gpt-4o-mini", messages, "alice");
const total = await budgets.getTotalBudget("alice");
say(`The prompt would bring alice to $${projected} of $${total}.`);

if (projected <= total) {
  const { cost, user } = await budgets.updateCost("alice", { completion });
  say(`The call cost $${cost}, and $${user.remaining} are left.`);
}

const { cost } = await budgets.updateCost("alice", {
  model: "gpt-4o-mini",
  inputText: "hello world",
  outputText: "it is a sunny day in san francisco",
});
say(`By its texts, another cost $${cost}.`);
say(`By model: ${JSON.stringify(await budgets.getModelCost("alice"))}.`);

// Twenty calls at the same moment: every one is counted.
const text = { model: "gpt-4o-mini", inputText: "hello world", outputText: "hello alice" };
await Promise.all(Array.from({ length: 20 }, () => budgets.updateCost("alice", text)));
say(`In all, alice has spent $${await budgets.getCurrentCost("alice")}.`);

for (const attempt of [
  () => budgets.getCurrentCost("mallory"),
  () => budgets.updateCost("alice", { ...text, model: "gpt-4o-minj" }),
]) {
  await attempt().catch((error: unknown) => {
    if (error instanceof BudgetNotFoundError) say(`No such user: ${error.message}.`);
    else if (error instanceof PurserError) say(`${error.reason}: ${error.message}.`);
    else throw error;
  });
}

await budgets.resetCost("alice");
say(`After a reset: $${await budgets.getCurrentCost("alice")}.`);
