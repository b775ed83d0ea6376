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

/** The protobuf protocols that a server supports. */
export type Way = "gRPC" | "Connect" | "Connect JSON" | "gRPC-Web";

/** The two transports. Connect's other dialects share all but their framing with Connect. */
export const TRANSPORTS: readonly Way[] = ["gRPC", "Connect"];
export const EVERY_WAY: readonly Way[] = ["gRPC", "Connect", "Connect JSON", "gRPC-Web"];

/** A server under test, seen through one way in. */
export interface Api {
  readonly way: Way;
  readonly client: BudgetClient;
  readonly server: TestServer;
  /** A user of a new project that no other test uses. */
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

// Tests run concurrently, because a server has many callers at once.
const TESTS_AT_ONCE = 8;

/**
 * Runs a suite once for each store and each way in. All suites of a file share one server for each store: every test
 * makes its own project, and the tests run concurrently.
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

/**
 * The file's server on a store. It is started before the first suite that needs a server, and stopped after the last
 * one.
 */
function serverDuringFile(kind: StoreKind): () => TestServer {
  kindsNeeded.add(kind);
  let server: TestServer | undefined;
  before(async () => {
    // Starts all stores concurrently: one starts while the other waits for its disk.
    for (const needed of kindsNeeded) servers.set(needed, servers.get(needed) ?? start(needed));
    await Promise.all(servers.values());
    server = await servers.get(kind);
  });
  return () => {
    if (server === undefined) throw new Error("the server is only available while tests run");
    return server;
  };
}

async function start(kind: StoreKind): Promise<TestServer> {
  const store = stack.use(await makeStore(kind));
  return stack.use(await startTestServer(store.environment));
}

/** Returns the budget of an answer; every answer about a budget has one. */
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

/** The stored state of a budget, to compare before and after a call that must change nothing. */
export const stateOf = async ({ client }: Pick<Api, "client">, { project, user }: Name): Promise<unknown> => [
  await client.getBudget({ project, user }),
  await client.getCurrentCost({ project, user }),
  await client.listCostEntries({ project }),
  await client.listPeriods({ project, user }),
  (await client.listUsers({ project })).budgets.map((budget) => budget.user),
];

/** The fields of a message, without its type name. */
export const fieldsOf = <T extends { $typeName: string }>(message: T): Omit<T, "$typeName"> => {
  const { $typeName: _, ...fields } = message;
  return fields;
};
