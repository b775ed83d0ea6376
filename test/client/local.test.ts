import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { relative } from "node:path";
import { suite, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { BudgetManager, openLocal } from "../../src/client/index.ts";
import { lockFolder } from "../../src/store/folder-lock.ts";
import { makeDataFolder } from "../support/embedded.ts";
import { assertRefused, errorOf } from "../support/errors.ts";

const TEXTS = { model: "gpt-4o-mini", inputText: "hello world", outputText: "hello alice" };
const NAME = { project: "p", user: "alice" };

/** A folder for the embedded store, deleted after the test. */
async function dataFolder(): Promise<AsyncDisposable & { dataDir: string }> {
  const dataDir = await makeDataFolder();
  return { dataDir, [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }) };
}

suite("Purser in the process", { concurrency: 2 }, () => {
  test("keeps what it has acknowledged, and unlocks the folder when it is closed", async () => {
    await using folder = await dataFolder();
    for (const spent of [0, 0.0000015]) {
      await using budgets = new BudgetManager("p", { dataDir: folder.dataDir });
      assert.equal((await budgets.createBudget(1, "alice", "daily")).currentCost, spent);
      await budgets.updateCost("alice", TEXTS);
    }
    // Takes the folder's lock as a server would.
    lockFolder(folder.dataDir)[Symbol.dispose]();
  });

  test("is shared by all who open the same folder, until the last of them closes it", async () => {
    await using folder = await dataFolder();
    const { dataDir } = folder;
    const first = new BudgetManager("one", { dataDir });
    const second = new BudgetManager("two", {
      clientType: "local",
      dataDir: relative(process.cwd(), dataDir),
    });
    await Promise.all([first.createBudget(1, "alice"), second.createBudget(2, "bob")]);
    assert.deepEqual([await first.getUsers(), await second.getUsers()], [["alice"], ["bob"]]);
    await Promise.all([first.close(), first.close()]);
    await assert.rejects(first.getUsers(), /the BudgetManager is closed/);
    assert.deepEqual(await second.getUsers(), ["bob"]);
    // shares.test.ts opens a folder while it is being closed.
    await second.close();
    lockFolder(dataDir)[Symbol.dispose]();
  });

  test("finishes the calls in flight when it is closed, and refuses new ones", async () => {
    const local = await openLocal({ dataDir: "memory://" });
    await local.client.createBudget(NAME);
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 1n } };
    const begun = local.client.updateCost({ ...NAME, source });
    await local.client.getBudget(NAME);
    const closing = local[Symbol.asyncDispose]();
    assert.equal((await begun).costNanoUsd, 1n);
    await closing;
    const error = await errorOf(local.client.getBudget(NAME));
    assert.deepEqual([error.code, error.rawMessage], [Code.Canceled, "the local Purser is closed"]);
  });

  test("answers as a server does: with the same errors, and streams that end when it is closed", async () => {
    const local = await openLocal({ dataDir: "memory://" });
    await assertRefused(local.client.getBudget(NAME), "NotFound", "BUDGET_NOT_FOUND", NAME);
    await local.client.createBudget(NAME);
    const watched = local.client.watchBudget(NAME)[Symbol.asyncIterator]();
    assert.equal((await watched.next()).value?.budget?.user, "alice");
    const end = watched.next();
    await local[Symbol.asyncDispose]();
    assert.equal((await end).done, true);
  });

  test("reports that another process has locked the folder, and works once that process has ended", async () => {
    await using folder = await dataFolder();
    await using budgets = new BudgetManager("p", { dataDir: folder.dataDir });
    {
      using _lock = lockFolder(folder.dataDir);
      await assert.rejects(budgets.getUsers(), /^Error: dataDir: .* is in use by another process/);
    }
    assert.deepEqual(await budgets.getUsers(), []);
  });
});
