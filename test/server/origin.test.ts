import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { after, before, suite, test } from "node:test";
import { createOriginPolicy } from "../../src/server/origin.ts";
import { makeStore, startTestServer, type TestServer } from "../support/server.ts";

const BUDGET = '{"project_name":"origin","user_dict":{"alice":{"total_budget":1000000}}}';
const project = "origin";
const RPC = "/budget.v1.BudgetService/CreateBudget";
const JSON_TYPE = { "content-type": "application/json" };

/** Sends the headers unchanged; fetch would not let a test set Host and Origin. */
async function send(
  { httpUrl }: TestServer,
  method: string,
  path: string,
  headers: Record<string, string>,
  body = "",
): Promise<{ status: number | undefined; headers: IncomingMessage["headers"]; text: string }> {
  const asked = request(new URL(path, httpUrl), { method, headers, agent: false });
  asked.end(body);
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const text = Buffer.concat((await answer.toArray()) as Buffer[]).toString();
  return { status: answer.statusCode, headers: answer.headers, text };
}

suite("A web page", { concurrency: true }, () => {
  const stack = new AsyncDisposableStack();
  let closed: TestServer;
  let listing: TestServer;
  before(async () => {
    const { environment } = stack.use(await makeStore("PostgreSQL"));
    closed = stack.use(await startTestServer(environment));
    const origins = { CORS_ORIGINS: "https://app.example, http://localhost:3000" };
    listing = stack.use(await startTestServer({ ...environment, ...origins }));
  });
  after(() => stack.disposeAsync());

  test("of another origin, or with another host name, is refused on every route, and the error names the setting to change", async () => {
    const server = closed;
    const foreign: [headers: Record<string, string>, setting: RegExp][] = [
      [{ origin: "https://evil.example" }, /CORS_ORIGINS/],
      [{ origin: "null" }, /CORS_ORIGINS/],
      [{ origin: "http://localhost:3000" }, /CORS_ORIGINS/],
      [{ "sec-fetch-site": "cross-site" }, /CORS_ORIGINS/],
      [{ host: "evil.example" }, /HTTP_HOSTS/],
      [{ host: "127.0.0.1.evil.example:8080" }, /HTTP_HOSTS/],
      [{ host: "localhost@evil.example" }, /HTTP_HOSTS/],
      [{ host: "evil.example", origin: "http://evil.example" }, /HTTP_HOSTS/],
    ];
    const routes: [method: string, path: string, body?: string][] = [
      ["POST", "/set_budget", BUDGET],
      ["POST", "/get_budget", '{"project_name":"origin"}'],
      ["POST", RPC, '{"project":"origin","user":"alice"}'],
      ["OPTIONS", RPC],
      ["GET", "/budget.v1.BudgetService/ListUsers?connect=v1&encoding=json&message={}"],
      ["GET", "/healthz"],
      ["GET", "/readyz"],
      ["GET", "/nothing"],
    ];
    for (const [headers, setting] of foreign) {
      for (const [method, path, body] of routes) {
        const answer = await send(server, method, path, { ...JSON_TYPE, ...headers }, body);
        assert.equal(answer.status, 403, `${method} ${path} with ${JSON.stringify(headers)}`);
        assert.equal(answer.headers["access-control-allow-origin"], undefined);
        const { code, message } = JSON.parse(answer.text) as { code: string; message: string };
        assert.equal(code, "permission_denied");
        assert.match(message, setting);
      }
    }
    assert.deepEqual((await server.grpc.listUsers({ project })).budgets, []);
  });

  test("cannot make the requests to the legacy routes that browsers send without a preflight", async () => {
    const server = closed;
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]) {
      const headers: Record<string, string> = type === "" ? {} : { "content-type": type };
      const answer = await send(server, "POST", "/set_budget", headers, BUDGET);
      assert.deepEqual([answer.status, JSON.parse(answer.text).status], [415, "error"]);
      assert.match(answer.text, /application\/json/);
    }
    assert.deepEqual((await server.grpc.listUsers({ project })).budgets, []);
    const json = { "content-type": "Application/JSON; charset=utf-8" };
    assert.equal((await send(server, "POST", "/get_budget", json, '{"project_name":"origin"}')).status, 200);
  });

  test("of the same origin, and a program with any loopback name, is served", async () => {
    const server = closed;
    const { host, port } = new URL(server.httpUrl);
    const served: Record<string, string>[] = [
      { origin: server.httpUrl },
      { origin: server.httpUrl, "sec-fetch-site": "same-origin" },
      { host: `localhost:${port}` },
      { host: "LOCALHOST." },
      { host: `purser.localhost:${port}` },
      { host: "127.8.9.1" },
      { host: `[::1]:${port}` },
      { host },
    ];
    for (const headers of served) {
      const answer = await send(server, "GET", "/healthz", headers);
      assert.equal(answer.status, 200, JSON.stringify(headers));
    }
  });

  test("of a listed origin may call after a preflight, and can read every header of Connect and gRPC-Web", async () => {
    const server = listing;
    const origin = "https://app.example";
    const asked = await send(server, "OPTIONS", RPC, {
      origin,
      "sec-fetch-site": "cross-site",
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,connect-protocol-version,x-grpc-web",
    });
    assert.equal(asked.status, 204);
    assert.equal(asked.headers["access-control-allow-origin"], origin);
    assert.match(String(asked.headers["access-control-allow-methods"]), /POST/);
    const allowed = String(asked.headers["access-control-allow-headers"]).toLowerCase().split(", ");
    for (const name of [
      "content-type",
      "connect-protocol-version",
      "connect-timeout-ms",
      "x-grpc-web",
      "grpc-timeout",
      "authorization",
    ])
      assert.ok(allowed.includes(name), name);
    const called = await send(
      server,
      "POST",
      RPC,
      { ...JSON_TYPE, origin, "sec-fetch-site": "cross-site" },
      '{"project":"another","user":"a"}',
    );
    assert.equal(called.status, 200);
    assert.equal(called.headers["access-control-allow-origin"], origin);
    assert.match(String(called.headers.vary), /Origin/);
    const exposed = String(called.headers["access-control-expose-headers"]).toLowerCase();
    for (const name of ["grpc-status", "grpc-message", "grpc-status-details-bin"])
      assert.ok(exposed.includes(name));
    // The page can read errors as well; an origin that is not listed is still refused.
    const refused = await send(server, "POST", RPC, { ...JSON_TYPE, origin }, "{}");
    assert.deepEqual([refused.status, refused.headers["access-control-allow-origin"]], [400, origin]);
    assert.equal((await send(server, "GET", "/healthz", { origin: "https://evil.example" })).status, 403);
  });
});

suite("The names of a server", () => {
  const accepts = (host: string, httpHosts: string[], name: string): boolean =>
    createOriginPolicy({ hasTls: false, host, httpHosts, corsOrigins: [] }).refusal({ host: name }) ===
    undefined;

  test("are loopback names, HOST and HTTP_HOSTS, with and without a port", () => {
    assert.ok(accepts("purser.internal", [], "purser.internal:8080"));
    assert.ok(accepts("127.0.0.1", ["purser", "budgets.example.com"], "Budgets.Example.com"));
    assert.ok(accepts("127.0.0.1", ["fd00::1"], "[fd00::1]:8080"));
    assert.ok(!accepts("127.0.0.1", ["purser"], "evil.purser"));
    assert.ok(!accepts("127.0.0.1", [], "localhost.evil.example"));
    assert.ok(!accepts("127.0.0.1", [], "127.0.0.1.nip.io"));
    assert.ok(!accepts("127.0.0.1", [], ""));
  });

  test("include every IP address if the server listens beyond loopback, because DNS rebinding needs a name", () => {
    assert.ok(accepts("0.0.0.0", [], "10.1.2.3:8080"));
    assert.ok(accepts("::", [], "[2001:db8::1]:8080"));
    assert.ok(!accepts("0.0.0.0", [], "evil.example"));
    assert.ok(!accepts("127.0.0.1", [], "10.1.2.3:8080"));
  });
});
