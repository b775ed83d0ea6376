import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { KeyService } from "../../gen/es/budget/v1/key_service_pb.ts";
import { createAuthority, createTlsFolder, type Pair } from "../support/certificates.ts";
import { reasonOf } from "../support/errors.ts";
import { makeStore, startTestServer } from "../support/server.ts";

const server = createAuthority("server authority");
const clients = createAuthority("client authority");
const certificateOf = (...uris: string[]): Pair => clients.issue({ uris });

suite("A client certificate is a key", () => {
  test("with the role, project and user of its URI name, and its calls are in the audit log", async () => {
    await using stack = new AsyncDisposableStack();
    const store = stack.use(await makeStore("PGlite"));
    const folder = stack.use(await createTlsFolder(server.issue(), clients.cert));
    const { grpcUrl, httpUrl } = stack.use(
      await startTestServer({ ...store.environment, ...folder.environment }),
    );
    const transportsOf = (pair: Pair | undefined): Transport[] => {
      const nodeOptions = { ca: server.cert, ...pair };
      return [
        createGrpcTransport({ baseUrl: grpcUrl.replace("http:", "https:"), nodeOptions }),
        createConnectTransport({
          baseUrl: httpUrl.replace("http:", "https:"),
          httpVersion: "1.1",
          nodeOptions,
        }),
      ];
    };
    const each = async (
      pair: Pair | undefined,
      call: (client: Client<typeof BudgetService>) => Promise<unknown>,
    ) =>
      Promise.all(
        transportsOf(pair).map((transport) =>
          call(createClient(BudgetService, transport)).then(
            () => "ok",
            (error: unknown) => reasonOf(Promise.reject(error as Error)),
          ),
        ),
      );
    const admin = certificateOf("purser://admin/demo");
    const alice = certificateOf("purser://spender/demo/alice");
    const charge = (user: string) => (client: Client<typeof BudgetService>) =>
      client.updateCost({
        project: "demo",
        user,
        source: { case: "cost", value: { model: "m", costNanoUsd: 1n } },
      });
    for (const user of ["alice", "bob"])
      assert.deepEqual(await each(admin, (client) => client.createBudget({ project: "demo", user })), [
        "ok",
        "ok",
      ]);
    assert.deepEqual(await each(alice, charge("alice")), ["ok", "ok"]);
    assert.deepEqual(await each(alice, charge("bob")), ["BUDGET_NOT_FOUND", "BUDGET_NOT_FOUND"]);
    assert.deepEqual(await each(alice, (client) => client.resetCost({ project: "demo", user: "alice" })), [
      "KEY_NOT_ALLOWED",
      "KEY_NOT_ALLOWED",
    ]);
    assert.deepEqual(await each(undefined, charge("alice")), ["KEY_MISSING", "KEY_MISSING"]);
    for (const uris of [[], ["spiffe://example/alice"], ["purser://admin/demo/alice"], ["purser://root"]])
      assert.deepEqual(await each(certificateOf(...uris), charge("alice")), ["KEY_INVALID", "KEY_INVALID"]);
    const keys = createClient(KeyService, transportsOf(admin)[0] as Transport);
    const { entries } = await keys.listAuditEntries({ project: "demo" });
    assert.deepEqual([...new Set(entries.map(({ actor }) => actor))], ["certificate:purser://admin/demo"]);
  });
});
