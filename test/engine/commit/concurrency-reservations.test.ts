import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Kysely, sql } from "kysely";
import { ReservationState } from "../../../gen/es/budget/v1/reservation_pb.ts";
import type { Schema } from "../../../src/store/schema.ts";
import { assertConserved } from "../../support/conservation.ts";
import { refusal } from "../../support/reservations.ts";
import { type BudgetClient, makeStore, startTestServer, type TestServer } from "../../support/server.ts";

const ROUNDS = 120;
const WAVE = 12;
const HELD = 100n;
const STATES = new Map<number, string>(
  Object.entries(ReservationState).map(([name, state]) => [state, name]),
);
const nameOf = (state: ReservationState | undefined): string => STATES.get(state ?? -1) ?? "not there";

/** Each test has its own project, with a team and two users below it. */
describe("one reservation, or one id, used at once at two servers on one PostgreSQL", () => {
  const stack = new AsyncDisposableStack();
  let one: TestServer;
  let two: TestServer;

  before(async () => {
    const { environment } = stack.use(await makeStore("PostgreSQL"));
    one = stack.use(await startTestServer(environment));
    two = stack.use(await startTestServer(environment));
  });
  after(() => stack.disposeAsync());

  const newBudget = (project: string, user: string, parent = "") =>
    one.grpc.createBudget({ project, user, totalBudgetNanoUsd: 10n ** 9n, parent });
  const newTeam = async (project: string): Promise<void> => {
    await newBudget(project, "team");
    for (const user of ["left", "right"]) await newBudget(project, user, "team");
  };
  const reserve = (client: BudgetClient, project: string, user: string, requestId: string) => {
    const amount = { case: "costNanoUsd" as const, value: HELD };
    return client.reserveCost({ project, user, requestId, model: "m", amount });
  };
  const settle = (client: BudgetClient, project: string, reservationId: string, costNanoUsd: bigint) => {
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd } };
    return client.updateCost({ project, user: "left", reservationId, source });
  };
  /** The servers take turns in being called first. */
  const inTurn = (round: number): [BudgetClient, BudgetClient] =>
    round % 2 === 0 ? [one.grpc, two.grpc] : [two.grpc, one.grpc];
  /** Runs the operations in waves, so that some share a batch and others are in two concurrent batches. */
  const rounds = async <T>(work: (round: number) => Promise<T>): Promise<T[]> => {
    const done: T[] = [];
    while (done.length < ROUNDS) {
      done.push(
        ...(await Promise.all(Array.from({ length: WAVE }, (_, index) => work(done.length + index)))),
      );
    }
    return done;
  };
  /** What the budgets of a project have spent and hold, and the states of its reservations by id. */
  const stateOf = async (project: string) => {
    const { budgets } = await two.grpc.listUsers({ project });
    const { reservations } = await two.grpc.listReservations({ project, pageSize: 1000 });
    return {
      balances: budgets.map((each) => [each.user, each.spentNanoUsd, each.heldNanoUsd]),
      states: new Map(reservations.map((each) => [each.reservationId, each.state])),
    };
  };

  it("is settled once, and each of the two settling calls is charged", async () => {
    const project = "settled";
    await newTeam(project);
    // The remaining hold shows whether a hold was freed twice.
    await reserve(one.grpc, project, "left", "stays");
    await rounds((round) => reserve(one.grpc, project, "left", `call-${round}`));
    await rounds((round) => {
      const [first, second] = inTurn(round);
      return Promise.all([
        settle(first, project, `call-${round}`, 30n),
        settle(second, project, `call-${round}`, 130n),
      ]);
    });
    const spent = BigInt(ROUNDS) * 160n;
    const { balances, states } = await stateOf(project);
    assert.deepEqual(balances, [
      ["left", spent, HELD],
      ["right", 0n, 0n],
      ["team", spent, HELD],
    ]);
    assert.equal(states.get("stays"), ReservationState.HELD);
    states.delete("stays");
    assert.deepEqual(new Set(states.values()), new Set([ReservationState.SETTLED]));
    await assertConserved(one.database.kysely);
  });

  it("is ended once by concurrent settle, release and extend calls", async () => {
    const project = "ended";
    await newTeam(project);
    await reserve(one.grpc, project, "left", "stays");
    await rounds((round) => reserve(one.grpc, project, "left", `call-${round}`));
    const told = await rounds(async (round) => {
      const [first, second] = inTurn(round);
      const named = { project, reservationId: `call-${round}` };
      const released = stateTold(first.releaseReservation(named));
      const extended = stateTold(second.extendReservation({ ...named, ttl: { seconds: 3600n } }));
      // Release looks the reservation up first. This call does the same, or it would always arrive first.
      await second.listReservations({ project, pageSize: 1 });
      await settle(second, project, `call-${round}`, 30n);
      return { id: `call-${round}`, released: await released, extended: await extended };
    });
    const { balances, states } = await stateOf(project);
    const spent = BigInt(ROUNDS) * 30n;
    assert.deepEqual(balances, [
      ["left", spent, HELD],
      ["right", 0n, 0n],
      ["team", spent, HELD],
    ]);
    for (const { id, released, extended } of told) {
      const state = nameOf(states.get(id));
      assert.ok(state === "SETTLED" || state === "RELEASED", `${id} is ${state}`);
      assert.equal(released, state === "RELEASED" ? "RELEASED" : "RESERVATION_CLOSED SETTLED");
      assert.ok(extended === "HELD" || extended === `RESERVATION_CLOSED ${state}`, extended);
    }
    await assertConserved(one.database.kysely);
  });

  it("expires if its time to live ends while its settle waits for a lock", async () => {
    const project = "waited";
    // A root budget: to look up unknown ancestors, the server would restart the batch, and read the reservation again.
    await newBudget(project, "left");
    await reserve(one.grpc, project, "left", "call");
    const { kysely } = one.database;
    const settled = await kysely.transaction().execute(async (holder) => {
      await sql`select 1 from budgets where project = ${project} and user_id = 'left' for update`.execute(
        holder,
      );
      const waiting = settle(two.grpc, project, "call", 30n);
      await untilSomebodyWaits(kysely);
      await sql`update reservations set expires_at = clock_timestamp() where project = ${project}`.execute(
        holder,
      );
      return { waiting };
    });
    await settled.waiting;
    const { balances, states } = await stateOf(project);
    assert.equal(nameOf(states.get("call")), "EXPIRED");
    assert.deepEqual(balances, [["left", 30n, 0n]]);
    await assertConserved(kysely);
  });

  it("holds once if the same request arrives at both, and both callers get that hold", async () => {
    const project = "twice";
    await newTeam(project);
    const answers = await rounds((round) =>
      Promise.all([one, two].map(({ grpc }) => reserve(grpc, project, "left", `call-${round}`))),
    );
    for (const [a, b] of answers) {
      assert.notEqual(a?.replayed, b?.replayed);
      assert.deepEqual(a?.reservation, b?.reservation);
    }
    const held = BigInt(ROUNDS) * HELD;
    const { balances } = await stateOf(project);
    assert.deepEqual(balances, [
      ["left", 0n, held],
      ["right", 0n, 0n],
      ["team", 0n, held],
    ]);
    await assertConserved(one.database.kysely);
  });

  for (const [kind, parent] of [
    ["below one parent", "team"],
    ["with nothing in common", ""],
  ] as const) {
    it(`holds on one of two budgets ${kind}, and is REQUEST_ID_REUSED for the other`, async () => {
      const project = `reused ${kind}`;
      await newBudget(project, "team");
      for (const user of ["left", "right"]) await newBudget(project, user, parent);
      const told = await rounds(async (round) => {
        const [first, second] = inTurn(round);
        const outcomes = await Promise.all([
          stateTold(reserve(first, project, "left", `shared-${round}`)),
          stateTold(reserve(second, project, "right", `shared-${round}`)),
        ]);
        return outcomes.toSorted();
      });
      for (const outcomes of told) assert.deepEqual(outcomes, ["HELD", "REQUEST_ID_REUSED"]);
      const { balances, states } = await stateOf(project);
      assert.deepEqual(states.size, ROUNDS);
      const [left, right] = balances.map(([, , held]) => held as bigint);
      assert.equal((left ?? 0n) + (right ?? 0n), BigInt(ROUNDS) * HELD);
      await assertConserved(one.database.kysely);
    });
  }
});

async function untilSomebodyWaits(kysely: Kysely<Schema>): Promise<void> {
  const waiting = sql`
    select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  while ((await waiting.execute(kysely)).rows.length === 0);
}

/** The state of a reservation according to the answer, or the reason of the refusal. */
async function stateTold(call: Promise<{ reservation?: { state: ReservationState } }>): Promise<string> {
  return call.then(
    ({ reservation }) => nameOf(reservation?.state),
    async (error: unknown) => {
      const { reason, metadata } = await refusal(Promise.reject(error));
      return [reason, metadata.state].filter(Boolean).join(" ");
    },
  );
}
