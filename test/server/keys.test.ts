import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { status } from "@grpc/grpc-js";
import { AuditAction } from "../../gen/es/budget/v1/audit_pb.ts";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { Role } from "../../gen/es/budget/v1/key_pb.ts";
import { KeyService } from "../../gen/es/budget/v1/key_service_pb.ts";
import { withHeaders } from "../../src/client/connect.ts";
import { makeSecret } from "../../src/server/keys/secret.ts";
import { reasonOf } from "../support/errors.ts";
import { endOf, openFrames } from "../support/grpc-frames.ts";
import { headerOf } from "../support/keys.ts";
import { makeStore, startTestServer, type TestServer, type TestStore } from "../support/server.ts";

suite("A server with PURSER_OPERATOR_KEY", () => {
  const operatorKey = makeSecret();
  let store: TestStore;
  let server: TestServer;
  before(async () => {
    store = await makeStore("PGlite");
    server = await startTestServer({ ...store.environment, PURSER_OPERATOR_KEY: operatorKey });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  const transportsWith = (secret: string): Transport[] => {
    const interceptors = [withHeaders(headerOf(secret))];
    return [
      createGrpcTransport({ baseUrl: server.grpcUrl, interceptors }),
      createConnectTransport({ baseUrl: server.httpUrl, httpVersion: "1.1", interceptors }),
    ];
  };
  const keys = () => createClient(KeyService, transportsWith(operatorKey)[0] as Transport);

  test("refuses a call without a key", async () => {
    for (const client of [server.grpc, server.connect, server.connectJson, server.grpcWeb]) {
      assert.equal(await reasonOf(client.getBudget({ project: "p", user: "u" })), "KEY_MISSING");
    }
  });

  test("refuses a key that nobody has", async () => {
    for (const transport of transportsWith(makeSecret())) {
      const client = createClient(BudgetService, transport);
      assert.equal(await reasonOf(client.getBudget({ project: "p", user: "u" })), "KEY_INVALID");
    }
  });

  test("refuses a large message without a key before it has arrived", async () => {
    for (const [path, type] of [
      ["/budget.v1.BudgetService/GetBudget", "application/json"],
      ["/set_budget", "application/json"],
    ] as const) {
      const response = await fetch(`${server.httpUrl}${path}`, {
        method: "POST",
        headers: { "content-type": type },
        // Larger than a message may be, which would be the error of a caller with a key.
        body: Buffer.alloc(65 << 20, 0x20),
      });
      assert.equal(response.status, 401);
      assert.equal(response.headers.get("www-authenticate"), "Bearer");
    }
    using frames = openFrames(server.grpcUrl);
    const stream = frames.begin("/budget.v1.BudgetService/GetBudget");
    const head = Buffer.alloc(100);
    head.writeUInt32BE(3 << 20, 1);
    stream.write(head);
    const { code, reason } = await endOf(stream);
    assert.deepEqual([code, reason], [status.UNAUTHENTICATED, "KEY_MISSING"]);
  });

  test("serves a key until it is revoked", async () => {
    const { key, secret } = await keys().createKey({ project: "p", name: "test", role: Role.ADMIN });
    assert.ok(key !== undefined);
    assert.equal(key.prefix, secret.slice(0, 9));
    for (const [index, transport] of transportsWith(secret).entries()) {
      const client = createClient(BudgetService, transport);
      const { budget } = await client.createBudget({ project: "p", user: `u${index}` });
      assert.equal(budget?.user, `u${index}`);
    }
    await keys().revokeKey({ project: "p", keyId: key.keyId });
    const { entries } = await keys().listAuditEntries({ project: "p", subject: key.keyId });
    assert.deepEqual(
      entries.map(({ action, actor, before, after }) => [
        action,
        actor,
        before?.["revoke_time"],
        typeof after?.["revoke_time"],
      ]),
      [
        [AuditAction.REVOKE_KEY, "operator-key", undefined, "string"],
        [AuditAction.CREATE_KEY, "operator-key", undefined, "undefined"],
      ],
    );
    for (const transport of transportsWith(secret)) {
      const client = createClient(BudgetService, transport);
      assert.equal(await reasonOf(client.getBudget({ project: "p", user: "u0" })), "KEY_INVALID");
    }
  });
});
