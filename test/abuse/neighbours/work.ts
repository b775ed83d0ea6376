import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../../gen/es/budget/v1/budget_service_pb.ts";
import { ReservationState } from "../../../gen/es/budget/v1/reservation_pb.ts";
import type { Target } from "../server/target.ts";

const clientOf = ({ grpcPort }: Target): Client<typeof BudgetService> =>
  createClient(BudgetService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${grpcPort}` }));

const DOLLAR = 1_000_000_000n;
// HTTP/2 servers usually allow this many streams on one connection.
const WATCHERS_PER_CONNECTION = 100;

/** Opens watches of one budget, changes it a few times, and waits until every watcher has seen the last change. */
export async function openWatches(
  target: Target,
  { watchers, changes }: { watchers: number; changes: number },
): Promise<void> {
  const name = { project: "watched", user: "watched" };
  const client = clientOf(target);
  await client.createBudget({ ...name, totalBudgetNanoUsd: DOLLAR });
  const last = BigInt(changes);
  const leaving = new AbortController();
  let begun = 0;
  const allBegun = Promise.withResolvers<void>();
  const watch = async (through: Client<typeof BudgetService>): Promise<void> => {
    let isFirst = true;
    for await (const { budget } of through.watchBudget(name, { signal: leaving.signal })) {
      if (isFirst && ++begun === watchers) allBegun.resolve();
      isFirst = false;
      if (budget?.spentNanoUsd === last) return;
    }
    assert.fail("a watch ended before the last change");
  };
  const connections = Array.from({ length: Math.ceil(watchers / WATCHERS_PER_CONNECTION) }, () =>
    clientOf(target),
  );
  const watches = Array.from({ length: watchers }, (_, each) =>
    watch(connections[Math.floor(each / WATCHERS_PER_CONNECTION)] ?? client),
  );
  const all = Promise.all(watches);
  await Promise.race([allBegun.promise, all]);
  for (let change = 0; change < changes; change++) {
    await client.updateCost({ ...name, source: { case: "cost", value: { model: "m", costNanoUsd: 1n } } });
  }
  await all;
  leaving.abort();
}

/** Posts a map as LiteLLM's client does, reads it, and posts back what it read. */
export async function postLargeMap(target: Target, users: number): Promise<void> {
  const record = { total_budget: 10, duration: 30, current_cost: 0.5, model_cost: { "gpt-4o": 0.5 } };
  const map = Object.fromEntries(Array.from({ length: users }, (_, each) => [`user-${each}`, record]));
  const post = async (path: string, body: object): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${target.httpPort}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    assert.equal(response.status, 200, text.slice(0, 500));
    return text;
  };
  const project_name = "large";
  await post("/set_budget", { project_name, user_dict: map });
  const text = await post("/get_budget", { project_name });
  const { data } = JSON.parse(text) as { data: Record<string, { current_cost: number }> };
  assert.equal(Object.keys(data).length, users);
  await post("/set_budget", { project_name, user_dict: data });
  const { currentCostNanoUsd } = await clientOf(target).getCurrentCost({
    project: project_name,
    user: "user-0",
  });
  assert.equal(currentCostNanoUsd, DOLLAR / 2n, "a map that is posted back unchanged adds nothing");
}

const HOLDS_AT_ONCE = 200;
// Long enough to make all the holds first, so that they expire together.
const HOLD_MS_EACH = 3;
const POLL_MS = 500;

/** Makes holds that expire at about the same time, and waits until none is left. */
export async function createHolds(target: Target, holds: number): Promise<void> {
  const name = { project: "holds", user: "holds" };
  const client = clientOf(target);
  await client.createBudget({ ...name, totalBudgetNanoUsd: 1_000_000n * DOLLAR });
  const expireMs = Date.now() + 2_000 + holds * HOLD_MS_EACH;
  let left = holds;
  const hold = async (): Promise<void> => {
    while (left-- > 0) {
      const ttlMs = Math.max(1_000, expireMs - Date.now());
      const ttl = { seconds: BigInt(Math.floor(ttlMs / 1000)), nanos: (ttlMs % 1000) * 1_000_000 };
      await client.reserveCost({ ...name, model: "m", amount: { case: "costNanoUsd", value: 1n }, ttl });
    }
  };
  await Promise.all(Array.from({ length: HOLDS_AT_ONCE }, hold));
  for (;;) {
    const { budget } = await client.getBudget(name);
    if (budget?.heldNanoUsd === 0n) break;
    await setTimeout(POLL_MS);
  }
  const { reservations } = await client.listReservations({ ...name, state: ReservationState.HELD });
  assert.deepEqual(reservations, []);
}
