import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, suite } from "node:test";
import type { Budget } from "../../gen/es/budget/v1/budget_pb.ts";
import type { UpdateCostResponse } from "../../gen/es/budget/v1/budget_service_pb.ts";
import {
  type BudgetClient,
  makeStore,
  STORES,
  type StoreKind,
  startTestServer,
  type TestServer,
} from "./server.ts";

/** The ways into a server that speak protobuf. */
export type Way = "gRPC" | "Connect" | "Connect JSON" | "gRPC-Web";

/** The two transports; Connect's other dialects share all but their framing with it. */
export const TRANSPORTS: readonly Way[] = ["gRPC", "Connect"];
export const EVERY_WAY: readonly Way[] = ["gRPC", "Connect", "Connect JSON", "gRPC-Web"];

/** A server under test, seen through one way in. */
export interface Api {
  readonly way: Way;
  readonly client: BudgetClient;
  readonly server: TestServer;
  /** A user of a project that no other test has. */
  newName(): Name;
}

export type Name = { project: string; user: string };

const clientOf = (server: TestServer, way: Way): BudgetClient =>
  ({
    gRPC: server.grpc,
    Connect: server.connect,
    "Connect JSON": server.connectJson,
    "gRPC-Web": server.grpcWeb,
  })[way];

// A server has many callers at once, so why not those of its tests.
const TESTS_AT_ONCE = 8;

/**
 * Runs a suite once for each store and each way in. A file has one server for each store, which all its suites share:
 * every test makes a project of its own, and they run at the same time.
 */
export function suiteForEach(
  subject: string,
  combinations: { stores?: readonly StoreKind[]; ways?: readonly Way[] },
  define: (api: Api) => void,
): void {
  for (const kind of combinations.stores ?? STORES) {
    suite(`${subject}, on ${kind}`, { concurrency: TESTS_AT_ONCE }, () => {
      const running = serverDuringFile(kind);
      for (const way of combinations.ways ?? TRANSPORTS) {
        suite(`over ${way}`, () =>
          define({
            way,
            get server() {
              return running();
            },
            get client() {
              return clientOf(running(), way);
            },
            newName: () => ({ project: `project-${randomUUID()}`, user: "alice" }),
          }));
      }
    });
  }
}

const stack = new AsyncDisposableStack();
const kindsNeeded = new Set<StoreKind>();
const servers = new Map<StoreKind, Promise<TestServer>>();
after(() => stack.disposeAsync());

/** The file's server on a store, started before the first suite that needs any, and stopped when the file is through. */
function serverDuringFile(kind: StoreKind): () => TestServer {
  kindsNeeded.add(kind);
  let server: TestServer | undefined;
  before(async () => {
    // All at once: one store starts while the other waits for its disk.
    for (const needed of kindsNeeded) servers.set(needed, servers.get(needed) ?? start(needed));
    await Promise.all(servers.values());
    server = await servers.get(kind);
  });
  return () => {
    if (server === undefined) throw new Error("the server runs while tests run");
    return server;
  };
}

async function start(kind: StoreKind): Promise<TestServer> {
  const store = stack.use(await makeStore(kind));
  return stack.use(await startTestServer(store.environment));
}

/** The budget that is in an answer: every answer about a budget has one. */
export async function budgetIn(answer: Promise<{ budget?: Budget }>): Promise<Budget> {
  const { budget } = await answer;
  assert.ok(budget !== undefined);
  return budget;
}

/** Charges a known cost. */
export const charge = (
  { client }: Pick<Api, "client">,
  { project, user }: Name,
  costNanoUsd: bigint,
  { model = "a-model", requestId = "" } = {},
): Promise<UpdateCostResponse> =>
  client.updateCost({ project, user, requestId, source: { case: "cost", value: { model, costNanoUsd } } });

/** What the server has of a budget: to compare before and after what must change nothing. */
export const stateOf = async ({ client }: Pick<Api, "client">, { project, user }: Name): Promise<unknown> => [
  await client.getBudget({ project, user }),
  await client.getCurrentCost({ project, user }),
  await client.listCostEntries({ project }),
  await client.listPeriods({ project, user }),
  (await client.listUsers({ project })).budgets.map((budget) => budget.user),
];

/** A message's fields, without the mark that tells its type. */
export const fieldsOf = <T extends { $typeName: string }>(message: T): Omit<T, "$typeName"> => {
  const { $typeName: _, ...fields } = message;
  return fields;
};
