import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Kysely, sql } from "kysely";
import { ReservationState } from "../../gen/es/budget/v1/reservation_pb.ts";
import { ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import type { Schema } from "../../src/store/schema.ts";
import { assertConserved } from "./conservation.ts";
import { createRandom } from "./run.ts";
import type { BudgetClient } from "./server.ts";

/**
 * Callers that never give up: each operation is sent again, with the same ids, until it is answered. So after any
 * failure, every operation must have been applied exactly once.
 */
export interface Load {
  /** Resolves after this many more operations have been answered. */
  answered(count: number): Promise<void>;
  /** Resolves with the event, and rejects as soon as a caller fails, because the event may then never happen. */
  unlessFailed<T>(event: Promise<T>): Promise<T>;
  /** Lets every caller finish its current operation. */
  stop(): Promise<void>;
  /** Compares the callers' records with the database. */
  check(kysely: Kysely<Schema>): Promise<{ answered: number; repeated: number }>;
}

const CALLERS = 16;
const PROJECT = "load";
const USERS = ["team", "alice", "bob", "carol"];
const TOTAL = 10n ** 15n;

export const makeBudgets = async (client: BudgetClient): Promise<void> => {
  for (const user of USERS) {
    const parent = user === "team" ? "" : "team";
    await client.createBudget({ project: PROJECT, user, totalBudgetNanoUsd: TOTAL, parent });
  }
};

interface Journal {
  charges: Map<string, { user: string; cost: bigint }>;
  reservations: Map<string, string>;
}

export function startLoad(client: (caller: number) => Promise<BudgetClient>, seed: number): Load {
  const journal: Journal = { charges: new Map(), reservations: new Map() };
  const stopping = new AbortController();
  let answered = 0;
  let repeated = 0;
  let hasFailed = false;
  let waiting: { until: number; resolve: () => void }[] = [];

  const insist = async <T>(caller: number, call: (client: BudgetClient) => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        const answer = await call(await client(caller));
        answered++;
        for (const each of waiting) if (each.until <= answered) each.resolve();
        waiting = waiting.filter((each) => each.until > answered);
        return answer;
      } catch (error) {
        if (hasFailed || !mayRepeat(error)) throw error;
        repeated++;
      }
    }
  };

  const work = async (caller: number): Promise<void> => {
    const random = createRandom(seed + caller);
    for (let turn = 0; !stopping.signal.aborted; turn++) {
      const user = random.pick(USERS);
      const id = `caller-${caller}-${turn}`;
      const name = { project: PROJECT, user };
      const cost = BigInt(1 + random.below(1000));
      const charge = (requestId: string, reservationId = ""): Promise<unknown> => {
        journal.charges.set(requestId, { user, cost });
        const source = { case: "cost" as const, value: { model: "m", costNanoUsd: cost } };
        return insist(caller, (to) => to.updateCost({ ...name, requestId, reservationId, source }));
      };
      const then = random.pick(["charge", "hold", "settle", "release"]);
      if (then === "charge") {
        await charge(id);
        continue;
      }
      const amount = { case: "costNanoUsd" as const, value: 500n };
      journal.reservations.set(id, "HELD");
      await insist(caller, (to) => to.reserveCost({ ...name, requestId: id, model: "m", amount }));
      if (then === "settle") {
        await charge(`${id}-cost`, id);
        journal.reservations.set(id, "SETTLED");
      } else if (then === "release") {
        const { reservation } = await insist(caller, (to) =>
          to.releaseReservation({ project: PROJECT, reservationId: id }),
        );
        assert.equal(reservation?.state, ReservationState.RELEASED);
        journal.reservations.set(id, "RELEASED");
      }
    }
  };

  const callers = Promise.all(Array.from({ length: CALLERS }, (_, caller) => work(caller)));
  // A caller that fails stops the others, and rejects everything that waits for them.
  const failed = callers.then(() => new Promise<never>(() => {}));
  failed.catch(() => {
    hasFailed = true;
    stopping.abort();
  });
  const unlessFailed = <T>(event: Promise<T>): Promise<T> => Promise.race([event, failed]);
  return {
    unlessFailed,
    answered: (count) =>
      unlessFailed(new Promise<void>((resolve) => waiting.push({ until: answered + count, resolve }))),
    async stop() {
      stopping.abort();
      await callers;
    },
    async check(kysely) {
      await assertAllOnce(kysely, journal);
      return { answered, repeated };
    },
  };
}

/** Errors after which the outcome is unknown. A refusal or a defect of the server is not among them. */
function mayRepeat(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info !== undefined) return info.reason === "STORE_UNAVAILABLE";
  const codes = [Code.Unavailable, Code.Aborted, Code.Internal, Code.Unknown, Code.Canceled];
  return codes.includes(error.code);
}

/** Checks that every operation was applied exactly once on every level, and nothing else was. */
async function assertAllOnce(kysely: Kysely<Schema>, journal: Journal): Promise<void> {
  const entries = await kysely
    .selectFrom("entries")
    .select(["request_id", "user_id", "cost_nano_usd"])
    .execute();
  assert.deepEqual(
    new Map(entries.map((each) => [each.request_id, { user: each.user_id, cost: each.cost_nano_usd }])),
    new Map(journal.charges),
  );
  assert.equal(entries.length, journal.charges.size);
  const held = await kysely.selectFrom("reservations").select(["reservation_id", "state"]).execute();
  assert.deepEqual(new Map(held.map((each) => [each.reservation_id, each.state])), journal.reservations);
  const { rows } = await sql<{ spent: string }>`
    select sum(cost_nano_usd)::text as spent from entries`.execute(kysely);
  const team = await kysely
    .selectFrom("budgets")
    .selectAll()
    .where("user_id", "=", "team")
    .executeTakeFirstOrThrow();
  assert.equal(team.spent_nano_usd, BigInt(rows[0]?.spent ?? 0));
  await assertConserved(kysely);
}
