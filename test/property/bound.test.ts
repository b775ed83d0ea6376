import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { sql } from "kysely";
import { assertConserved } from "../support/conservation.ts";
import { createRandom, perRun, SEED } from "../support/run.ts";
import { makeStore, startTestServer } from "../support/server.ts";

const CALLERS_EACH = 32;
const TURNS = perRun(12, 400);
const PROJECT = "bound";
const TEAMS = ["team-0", "team-1", "team-2"];
const USERS = TEAMS.flatMap((team) => [`${team}-a`, `${team}-b`]);

describe("spent + held, with reservations that are settled at or below their hold", () => {
  it("never exceeds the total of any budget in the tree, for 2 servers with 32 callers each", async () => {
    await using stack = new AsyncDisposableStack();
    const { environment } = stack.use(await makeStore("PostgreSQL"));
    const servers = [
      stack.use(await startTestServer(environment)),
      stack.use(await startTestServer(environment)),
    ] as const;
    const { kysely } = servers[0].database;
    // The database refuses every commit that breaks the bound, so even a short violation is found.
    await sql`alter table budgets add constraint bound check (spent_nano_usd + held_nano_usd <= total_nano_usd)`.execute(
      kysely,
    );
    const total = perRun(800n, 30_000n);
    const create = (user: string, share: bigint, parent = "") =>
      servers[0].grpc.createBudget({ project: PROJECT, user, totalBudgetNanoUsd: total / share, parent });
    await create("org", 1n);
    for (const team of TEAMS) await create(team, 2n, "org");
    for (const user of USERS) await create(user, 4n, user.slice(0, -2));

    const refusals = new Set<string>();
    const work = async (caller: number): Promise<void> => {
      const random = createRandom(SEED + caller);
      const api = (servers[caller % 2] ?? servers[0])[caller % 4 < 2 ? "grpc" : "connect"];
      for (let turn = 0; turn < TURNS; turn++) {
        const name = { project: PROJECT, user: random.pick(USERS) };
        // Few different amounts, so that a request often exceeds the remainder by exactly one.
        const held = BigInt(1 + random.below(20));
        const amount = { case: "costNanoUsd" as const, value: held };
        const reservation = await api.reserveCost({ ...name, model: "m", amount }).then(
          (answer) => answer.reservation,
          (error: unknown) => {
            const { code, rawMessage } = ConnectError.from(error);
            assert.equal(code, Code.ResourceExhausted, rawMessage);
            refusals.add(rawMessage.replaceAll(/[\d.,]+/g, "#"));
          },
        );
        const reservationId = reservation?.reservationId;
        if (reservationId === undefined) continue;
        const costNanoUsd = BigInt(random.below(Number(held) + 1));
        if (random.below(3) === 0) await api.releaseReservation({ project: PROJECT, reservationId });
        else
          await api.updateCost({
            ...name,
            reservationId,
            source: { case: "cost", value: { model: "m", costNanoUsd } },
          });
      }
    };
    await Promise.all(Array.from({ length: 2 * CALLERS_EACH }, (_, caller) => work(caller)));
    assert.ok(refusals.size > 0, "the limit was never reached");
    await assertConserved(kysely);
  });
});
