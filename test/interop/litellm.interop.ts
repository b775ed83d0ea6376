import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PeriodUnit } from "../../gen/es/budget/v1/budget_pb.ts";
import { Role } from "../../gen/es/budget/v1/key_pb.ts";
import { createPurserClient, createPurserKeyClient } from "../../src/client/connect.ts";
import { nanoUsdFromDollars } from "../../src/domain/money.ts";
import { makeSecret } from "../../src/server/keys/secret.ts";
import { assertConserved } from "../support/conservation.ts";
import { LITELLM_ENVIRONMENT, litellmVenv } from "../support/litellm.ts";
import { makeStore, startTestServer, type TestServer } from "../support/server.ts";

const DOLLAR = 1_000_000_000n;
const CALLS = 200;
const PROCESSES = 2;
const environment = { ...process.env, ...LITELLM_ENVIRONMENT };
const SPEND = fileURLToPath(new URL("litellm/spend.py", import.meta.url));
const EXAMPLE = fileURLToPath(new URL("../../examples/litellm_budget.py", import.meta.url));

/** A manager with a key that may change budgets, one with a key that may not, and one without a key. */
const WITH_KEYS = `
import sys
from litellm import BudgetManager
from litellm.types.utils import ModelResponse

api_base, admin, reader = sys.argv[1:]

def manager(**headers):
    return BudgetManager(project_name="keyed", client_type="hosted", api_base=api_base, headers=headers)

budgets = manager(Authorization=f"Bearer {admin}")
budgets.create_budget(total_budget=10, user="alice", duration="monthly")
usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
budgets.update_cost(user="alice", completion_obj=ModelResponse(model="gpt-4o", usage=usage))
budgets.save_data()
reading = manager(Authorization=f"Bearer {reader}")
print(reading.get_total_budget("alice"), f"{reading.get_current_cost('alice'):.9f}")
for attempt in (reading.save_data, lambda: manager(**{"Content-Type": "application/json"})):
    try:
        print(attempt())
    except Exception as error:
        print(getattr(error, "status_code", None) or error.response.status_code)
`;

suite("LiteLLM's own BudgetManager", () => {
  const stack = new AsyncDisposableStack();
  let python: string;
  let server: TestServer;
  before(async () => {
    const store = stack.use(await makeStore("PostgreSQL"));
    server = stack.use(await startTestServer(store.environment));
    ({ python } = await litellmVenv());
  });
  after(() => stack.disposeAsync());

  /**
   * Processes that have loaded the map and wait for a start signal. Calling the result starts them, and resolves with
   * what they have spent.
   */
  const startSpending = async (name: { project: string; user: string }) => {
    const parameters = [server.httpUrl, name.project, name.user, String(CALLS), String(PROCESSES)];
    const child = spawn(python, [SPEND, ...parameters], {
      env: environment,
      stdio: ["pipe", "pipe", "inherit"],
    });
    stack.defer(() => void child.kill("SIGKILL"));
    const closed = once(child, "close");
    const lines: string[] = [];
    const reader = createInterface({ input: child.stdout });
    reader.on("line", (line: string) => lines.push(line));
    while (lines.length < PROCESSES)
      await Promise.race([once(reader, "line"), closed.then(() => assert.fail())]);
    return async (): Promise<bigint> => {
      child.stdin.end("begin\n");
      assert.deepEqual(await closed, [0, null]);
      const costs = lines.filter((line) => line !== "ready").map((line) => nanoUsdFromDollars(line));
      assert.equal(costs.length, PROCESSES * CALLS);
      return costs.reduce<bigint>((sum, cost) => sum + (cost ?? assert.fail("no cost")), 0n);
    };
  };

  test("sends a key in its headers, and keeps budgets on a server that needs keys", async () => {
    const operatorKey = makeSecret();
    const { environment: folder } = stack.use(await makeStore("PGlite"));
    const keyed = stack.use(await startTestServer({ ...folder, PURSER_OPERATOR_KEY: operatorKey }));
    const client = { baseUrl: keyed.httpUrl, apiKey: operatorKey };
    const keys = createPurserKeyClient(client);
    const settings = { project: "keyed", name: "litellm" };
    const admin = await keys.createKey({ ...settings, role: Role.ADMIN });
    const reader = await keys.createKey({ ...settings, role: Role.READER });
    const { stdout } = await promisify(execFile)(
      python,
      ["-c", WITH_KEYS, keyed.httpUrl, admin.secret, reader.secret],
      { env: environment },
    );
    assert.equal(stdout, "10 0.000225000\n403\n401\n");
    const { budget } = await createPurserClient(client).getBudget({ project: "keyed", user: "alice" });
    assert.deepEqual([budget?.totalBudgetNanoUsd, budget?.spentNanoUsd], [10n * DOLLAR, 225_000n]);
  });

  test("runs the example", async () => {
    const name = { project: "litellm-demo", user: "alice" };
    const { stdout } = await promisify(execFile)(python, [EXAMPLE, server.httpUrl], { env: environment });
    const { budget } = await server.grpc.getBudget(name);
    const { modelCosts } = await server.grpc.getCurrentCost(name);
    assert.deepEqual(
      [budget?.totalBudgetNanoUsd, budget?.period?.unit, budget?.period?.count],
      [10n * DOLLAR, PeriodUnit.DAY, 28],
    );
    // The mock response always has 10 and 20 tokens. LiteLLM counts the texts as messages, which have 9 and 11 tokens.
    const costs = { "gpt-4o": 10n * 2_500n + 20n * 10_000n, "gpt-4o-mini": 9n * 150n + 11n * 600n };
    assert.deepEqual({ ...modelCosts }, costs);
    assert.equal(budget?.spentNanoUsd, costs["gpt-4o"] + costs["gpt-4o-mini"]);
    assert.equal(
      stdout,
      `alice may spend 10 USD, and has spent 0.00000000
gpt-4o       0.00022500
gpt-4o-mini  0.00000795
in all       0.00023295
`,
    );
  });

  test("loses no charge of two processes and a gRPC client on one user", async () => {
    const name = { project: "shared", user: "alice" };
    await server.grpc.createBudget({ ...name, totalBudgetNanoUsd: 100n * DOLLAR });
    const cost = { case: "cost", value: { model: "gpt-4o", costNanoUsd: 1_234_567n } } as const;
    await server.grpc.updateCost({ ...name, source: cost });
    const spend = await startSpending(name);
    const charges = async (): Promise<bigint> => {
      for (let call = 1; call < CALLS; call++) await server.grpc.updateCost({ ...name, source: cost });
      return BigInt(CALLS) * cost.value.costNanoUsd;
    };
    const spent = await Promise.all([charges(), spend()]);
    const { currentCostNanoUsd, modelCosts } = await server.grpc.getCurrentCost(name);
    const sum = (costs: readonly bigint[]) => costs.reduce((total, each) => total + each, 0n);
    assert.equal(currentCostNanoUsd, sum(spent));
    assert.equal(currentCostNanoUsd, sum(Object.values(modelCosts)));
    await assertConserved(server.database.kysely);
  });
});
