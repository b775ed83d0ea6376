import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ListCostEntriesRequestSchema } from "../../gen/es/budget/v1/budget_service_pb.ts";
import type { CostEntry } from "../../gen/es/budget/v1/cost_pb.ts";
import { charge, type Name, suiteForEach } from "../support/api.ts";
import { assertInvalid, assertRefused } from "../support/errors.ts";

const ids = ({ entries }: { entries: readonly CostEntry[] }) => entries.map(({ requestId }) => requestId);

suiteForEach("ListCostEntries", {}, (api) => {
  const newBudget = async (name = api.newName()) => {
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 100n });
    return name;
  };
  const list = (request: MessageInitShape<typeof ListCostEntriesRequestSchema>) =>
    api.client.listCostEntries(request);
  const chargeOften = async (name: Name, count: number, prefix = "r") => {
    const requestIds = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
    for (const requestId of requestIds) await charge(api, name, 1n, { requestId });
    return requestIds;
  };

  test("returns the ledger of a project, newest first, each entry with the state that it left", async () => {
    const name = await newBudget();
    const bob = await newBudget({ ...name, user: "bob" });
    await charge(api, name, 5n, { requestId: "r-1" });
    await charge(api, bob, 6n, { requestId: "r-2" });
    await charge(api, name, 7n, { requestId: "r-3", model: "another" });
    const { entries, nextPageToken } = await list({ project: name.project });
    assert.equal(nextPageToken, "");
    assert.deepEqual(
      entries.map((entry) => [
        entry.requestId,
        entry.user,
        entry.model,
        entry.costNanoUsd,
        entry.spentAfterNanoUsd,
      ]),
      [
        ["r-3", "alice", "another", 7n, 12n],
        ["r-2", "bob", "a-model", 6n, 6n],
        ["r-1", "alice", "a-model", 5n, 5n],
      ],
    );
    assert.equal(entries[0]?.totalAfterNanoUsd, 100n);
    assert.equal(entries[0].heldAfterNanoUsd, 0n);
    assert.deepEqual(entries[0].periodStart, entries[2]?.periodStart);
  });

  test("returns the entries of one user only, if a user is given", async () => {
    const name = await newBudget();
    const bob = await newBudget({ ...name, user: "bob" });
    await chargeOften(name, 2);
    await charge(api, bob, 1n, { requestId: "bob-1" });
    assert.deepEqual(ids(await list(bob)), ["bob-1"]);
  });

  test("keeps the entries of a deleted budget", async () => {
    const name = await newBudget();
    await chargeOften(name, 2);
    await api.client.deleteBudget(name);
    assert.deepEqual(ids(await list(name)), ["r-1", "r-0"]);
    assert.deepEqual(ids(await list({ project: name.project })), ["r-1", "r-0"]);
  });

  test("is empty for a budget without charges and for an unknown project, and NOT_FOUND for an unknown user", async () => {
    const name = await newBudget();
    assert.deepEqual(ids(await list(name)), []);
    assert.deepEqual(ids(await list({ project: api.newName().project })), []);
    const nobody = { ...name, user: "nobody" };
    await assertRefused(list(nobody), "NotFound", "BUDGET_NOT_FOUND", nobody);
  });

  test("gives later entries of a budget strictly later times, however fast they arrive", async () => {
    const name = await newBudget();
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 1n } };
    await api.client.batchUpdateCost({ requests: Array.from({ length: 100 }, () => ({ ...name, source })) });
    const { entries } = await list(name);
    const times = entries.map(({ createTime }) => [createTime?.seconds, createTime?.nanos].join("."));
    assert.equal(new Set(times).size, 100);
    // Newest first, and the newest has the highest spending.
    assert.deepEqual(
      entries.map(({ spentAfterNanoUsd }) => spentAfterNanoUsd),
      Array.from({ length: 100 }, (_, index) => 100n - BigInt(index)),
    );
  });

  test("filters by time, from the inclusive start to the exclusive end", async () => {
    const name = await newBudget();
    await chargeOften(name, 4);
    const { entries } = await list(name);
    const timeOf = (requestId: string) => entries.find((entry) => entry.requestId === requestId)?.createTime;
    assert.deepEqual(ids(await list({ ...name, startTime: timeOf("r-1") })), ["r-3", "r-2", "r-1"]);
    assert.deepEqual(ids(await list({ ...name, endTime: timeOf("r-2") })), ["r-1", "r-0"]);
    const [startTime, endTime] = [timeOf("r-1"), timeOf("r-3")];
    assert.deepEqual(ids(await list({ ...name, startTime, endTime })), ["r-2", "r-1"]);
    await assertInvalid(list({ ...name, startTime: endTime, endTime: startTime }), "end_time");
    await assertInvalid(list({ ...name, startTime, endTime: startTime }), "end_time");
  });

  test("pages without gaps or duplicates while new entries arrive", async () => {
    const name = await newBudget();
    const bob = await newBudget({ ...name, user: "bob" });
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 1n } };
    const requests = Array.from({ length: 250 }, (_, index) => ({
      ...(index % 2 === 0 ? name : bob),
      requestId: `r-${index}`,
      source,
    }));
    await api.client.batchUpdateCost({ requests });
    const seen: string[] = [];
    const sizes: number[] = [];
    let pageToken = "";
    do {
      const page = await list({ project: name.project, pageSize: 60, pageToken });
      seen.push(...ids(page));
      sizes.push(page.entries.length);
      pageToken = page.nextPageToken;
      await charge(api, name, 1n);
    } while (pageToken !== "");
    assert.deepEqual(sizes, [60, 60, 60, 60, 10]);
    assert.deepEqual(seen.toSorted(), requests.map(({ requestId }) => requestId).toSorted());
  });

  test("returns 100 entries without a page size, and never more than 1,000", async () => {
    const name = await newBudget();
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 1n } };
    const requests = Array.from({ length: 550 }, () => ({ ...name, source }));
    await api.client.batchUpdateCost({ requests });
    await api.client.batchUpdateCost({ requests });
    assert.equal((await list(name)).entries.length, 100);
    const all = await list({ ...name, pageSize: 2_000_000_000 });
    assert.equal(all.entries.length, 1000);
    assert.equal((await list({ ...name, pageSize: 1000, pageToken: all.nextPageToken })).entries.length, 100);
  });
});
