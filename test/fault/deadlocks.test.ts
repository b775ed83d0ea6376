import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConnectError } from "@connectrpc/connect";
import type { OnExpiry } from "../../gen/es/budget/v1/reservation_pb.ts";
import { ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { assertConserved } from "../support/conservation.ts";
import { countDeadlocks } from "../support/deadlocks.ts";
import { createRandom, perRun, SEED } from "../support/run.ts";
import { type BudgetClient, makeStore, startTestServer } from "../support/server.ts";

const CALLERS = 24;
const FORM = perRun({ turns: 25, ms: 60_000 }, { turns: Number.POSITIVE_INFINITY, ms: 300_000 });
const PROJECT = "tree";
const USERS = Array.from({ length: 10 }, (_, index) => `user-${index}`);
/** The errors allowed while budgets are created and deleted: refusals only, no failures. */
const REFUSALS = new Set([
  "BUDGET_NOT_FOUND",
  "BUDGET_EXISTS",
  "PARENT_NOT_FOUND",
  "PARENT_CYCLE",
  "BUDGET_IN_USE",
  "INVALID_FIELD",
  "BUDGET_EXCEEDED",
  "RESERVATION_NOT_FOUND",
  "RESERVATION_CLOSED",
  "REQUEST_ID_REUSED",
]);

describe("two servers, on trees that are charged, moved, created and deleted at once", () => {
  it("never deadlock, and every sum is conserved", async () => {
    await using stack = new AsyncDisposableStack();
    const { environment } = stack.use(await makeStore("PostgreSQL"));
    const url = environment.DATABASE_URL as string;
    const seen = new Map<string, number>();
    const told = (reason: string): void => void seen.set(reason, (seen.get(reason) ?? 0) + 1);
    {
      await using one = await startTestServer(environment);
      await using two = await startTestServer(environment);
      for (const user of USERS) {
        await one.grpc.createBudget({ project: PROJECT, user, totalBudgetNanoUsd: 100_000n });
      }
      const end = AbortSignal.timeout(FORM.ms);
      const work = async (caller: number): Promise<void> => {
        const random = createRandom(SEED + caller);
        const ids: string[] = [];
        for (let turn = 0; turn < FORM.turns && !end.aborted; turn++) {
          const api = random.pick([one.grpc, two.grpc]);
          const call = act(api, (count) => random.below(count), `${caller}-${turn}`, ids);
          await call.then(
            () => told("done"),
            (error: unknown) => {
              const [info] = ConnectError.from(error).findDetails(ErrorInfoSchema);
              if (!REFUSALS.has(info?.reason ?? "")) throw error;
              told(info?.reason ?? "");
            },
          );
        }
      };
      await Promise.all(Array.from({ length: CALLERS }, (_, caller) => work(caller)));
      await assertConserved(one.database.kysely);
    }
    assert.ok((seen.get("done") ?? 0) > 100, JSON.stringify([...seen]));
    assert.equal(await countDeadlocks(url), 0);
  });
});

function act(
  api: BudgetClient,
  below: (bound: number) => number,
  id: string,
  ids: string[],
): Promise<unknown> {
  const user = USERS[below(USERS.length)] as string;
  const other = USERS[below(USERS.length)] as string;
  const name = { project: PROJECT, user };
  const costOf = (whose: string, reservationId = "") => ({
    project: PROJECT,
    user: whose,
    reservationId,
    source: {
      case: "cost" as const,
      value: {
        model: "m",
        costNanoUsd: 1n,
      },
    },
  });
  const reservationId = ids[below(ids.length)] ?? "nothing";
  switch (below(12)) {
    case 0:
      return api.createBudget({ ...name, totalBudgetNanoUsd: 100_000n });
    case 1:
      return api.deleteBudget(name);
    case 2:
    case 3:
      return api.updateBudget({ ...name, parent: other, updateMask: { paths: ["parent"] } });
    case 4:
      return api.updateBudget({ ...name, parent: "", updateMask: { paths: ["parent"] } });
    case 5:
      return api.batchUpdateCost({
        requests: Array.from({ length: 10 }, () => costOf(USERS[below(USERS.length)] as string)),
      });
    case 6:
    case 7:
      ids.push(id);
      // Some of them expire during the test.
      return api.reserveCost({
        ...name,
        requestId: id,
        model: "m",
        ttl: {
          seconds: 0n,
          nanos: 1e6 * (1 + below(200)),
        },
        amount: {
          case: "costNanoUsd",
          value: 5n,
        },
        onExpiry: below(3) as OnExpiry,
      });
    case 8:
      return api.releaseReservation({ project: PROJECT, reservationId });
    case 9:
      return api.updateCost(costOf(user, reservationId));
    case 10:
      return below(4) === 0 ? api.sweepDurations({ project: PROJECT }) : api.resetCost(name);
    default:
      return api.updateCost(costOf(user));
  }
}
