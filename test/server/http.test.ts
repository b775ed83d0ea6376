import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { suiteForEach } from "../support/api.ts";

const SERVICE = "/budget.v1.BudgetService";

/** The field that an error in Connect's JSON names. */
async function fieldIn(response: Response): Promise<string | undefined> {
  const { code, details } = (await response.json()) as {
    code: string;
    details: { type: string; debug: { metadata: { field: string }; domain: string } }[];
  };
  assert.deepEqual([response.status, code, details[0]?.debug.domain], [400, "invalid_argument", "budget.v1"]);
  return details[0]?.debug.metadata.field;
}

suiteForEach("HTTP", { stores: ["PostgreSQL"], ways: ["Connect JSON"] }, (api) => {
  const post = (
    method: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ) =>
    fetch(`${api.server.httpUrl}${SERVICE}/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });

  test("serves the API to plain curl: JSON requests and answers, amounts as text, enums by name", async () => {
    const name = api.newName();
    const body = { ...name, totalBudgetNanoUsd: "10000000000", duration: "DURATION_MONTHLY" };
    const response = await post("CreateBudget", JSON.stringify(body));
    assert.equal(response.status, 200);
    const { budget } = (await response.json()) as { budget: Record<string, unknown> };
    assert.equal(budget.remainingNanoUsd, "10000000000");
    assert.deepEqual((budget.period as Record<string, unknown>).unit, "PERIOD_UNIT_MONTH");
  });

  test("accepts the proto's field names and their camel case", async () => {
    const { project } = api.newName();
    const response = await post(
      "CreateBudget",
      JSON.stringify({ project, user: "a", total_budget_nano_usd: 5 }),
    );
    const { budget } = (await response.json()) as { budget: Record<string, unknown> };
    assert.equal(budget.totalBudgetNanoUsd, "5");
  });

  test("serves reads by GET as well, for caches and browsers, and writes by POST only", async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 5n });
    const query = new URLSearchParams({ connect: "v1", encoding: "json", message: JSON.stringify(name) });
    const read = await fetch(`${api.server.httpUrl}${SERVICE}/GetBudget?${query.toString()}`);
    const { budget } = (await read.json()) as { budget: Record<string, unknown> };
    assert.equal(budget.totalBudgetNanoUsd, "5");
    const write = await fetch(`${api.server.httpUrl}${SERVICE}/DeleteBudget?${query.toString()}`);
    assert.equal(write.status, 405);
    assert.equal((await api.client.getBudget(name)).budget?.totalBudgetNanoUsd, 5n);
  });

  test("refuses invalid JSON, and values of the wrong type with the field named", async () => {
    const bad: [method: string, body: string, field: string][] = [
      ["CreateBudget", '{"project":"p","user":"u","totalBudgetNanoUsd":NaN}', "request"],
      ["CreateBudget", '{"project":', "request"],
      ["CreateBudget", "[]", "request"],
      ["CreateBudget", '{"project":"p","user":"u","totalBudgetNanoUsd":"NaN"}', "total_budget_nano_usd"],
      ["CreateBudget", '{"project":"p","user":"u","totalBudgetNanoUsd":1.5}', "total_budget_nano_usd"],
      [
        "CreateBudget",
        '{"project":"p","user":"u","totalBudgetNanoUsd":"9223372036854775808"}',
        "total_budget_nano_usd",
      ],
      ["CreateBudget", '{"project":"p","user":"u","totalBudgetNanoUsd":1e30}', "total_budget_nano_usd"],
      [
        `CreateBudget`,
        `{"project":"p","user":"u","totalBudgetNanoUsd":"${"x".repeat(100_000)}"}`,
        "total_budget_nano_usd",
      ],
      ["CreateBudget", '{"project":"p","user":5}', "user"],
      ["CreateBudget", '{"project":"p","user":"\\ud800"}', "user"],
      ["CreateBudget", '{"project":"p","user":"u","duration":"HOURLY"}', "duration"],
      [
        "CreateBudget",
        '{"project":"p","user":"u","period":{"unit":"PERIOD_UNIT_DAY","count":1.5}}',
        "period.count",
      ],
      [
        "UpdateCost",
        '{"project":"p","user":"u","cost":{"model":"m","costNanoUsd":"-Infinity"}}',
        "cost.cost_nano_usd",
      ],
      ["UpdateCost", '{"project":"p","user":"u","completion":[]}', "request"],
      [
        "UpdateCost",
        `{"project":"p","user":"u","completion":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`,
        "request",
      ],
    ];
    for (const [method, body, field] of bad)
      assert.equal(await fieldIn(await post(method, body)), field, body.slice(0, 200));
  });

  test("refuses bytes that are not UTF-8 or not protobuf", async () => {
    const notUtf8 = Buffer.from('{"project":"\xff","user":"u"}', "latin1");
    assert.equal(await fieldIn(await post("GetBudget", notUtf8)), "request");
    const proto = { "content-type": "application/proto" };
    for (const bytes of [Buffer.from([0x0a, 2, 0xff, 0xfe]), Buffer.from([0x0a, 200]), Buffer.from([0xff])]) {
      assert.equal(await fieldIn(await post("GetBudget", bytes, proto)), "request");
    }
  });

  test("refuses unknown field names, so that a misspelt total is not a total of 0", async () => {
    const name = api.newName();
    const bad: [json: object, field: string][] = [
      [{ ...name, totalBudgetNanoUSD: "5" }, "totalBudgetNanoUSD"],
      [{ ...name, period: { unit: "PERIOD_UNIT_DAY", every: 1 } }, "period.every"],
      [{ ...name, duration: "MONTHLY" }, "duration"],
      [{ ...name, period: { unit: "HOUR", count: 1 } }, "period.unit"],
    ];
    for (const [json, field] of bad) {
      assert.equal(await fieldIn(await post("CreateBudget", JSON.stringify(json))), field);
    }
    assert.deepEqual((await api.client.listUsers(name)).budgets, []);
  });

  test("accepts compressed requests, and limits their decompressed size", async () => {
    const gzip = { "content-encoding": "gzip" };
    const name = api.newName();
    const small = JSON.stringify({ ...name, totalBudgetNanoUsd: "5" });
    assert.equal((await post("CreateBudget", gzipSync(small), gzip)).status, 200);
    for (const bytes of [5_000_000, 30_000_000]) {
      const text = { model: "gpt-4o", inputText: "a".repeat(bytes) };
      const bomb = gzipSync(JSON.stringify({ ...name, text }));
      assert.equal(await fieldIn(await post("UpdateCost", bomb, gzip)), "request");
    }
  });

  test("answers other paths with 404", async () => {
    for (const path of ["/", "/nothing", `${SERVICE}/NoSuchMethod`, "/budget.v2.BudgetService/GetBudget"]) {
      const response = await fetch(`${api.server.httpUrl}${path}`, { method: "POST" });
      assert.equal(response.status, 404);
      assert.deepEqual(await response.json(), { error: `nothing is served at ${path}` });
    }
  });

  test("is healthy, and ready", async () => {
    for (const path of ["/healthz", "/readyz"]) {
      const response = await fetch(`${api.server.httpUrl}${path}`);
      assert.deepEqual([response.status, await response.json()], [200, { status: "ok" }]);
    }
  });

  test("charges nothing if the deadline has passed already", async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 5n });
    const body = JSON.stringify({ ...name, cost: { model: "m", costNanoUsd: "1" } });
    const response = await post("UpdateCost", body, { "connect-timeout-ms": "0" });
    const { code, details } = (await response.json()) as { code: string; details: { debug: object }[] };
    assert.equal(code, "deadline_exceeded");
    assert.deepEqual(details[0]?.debug, { reason: "DEADLINE_EXCEEDED", domain: "budget.v1" });
    assert.equal((await api.client.getCurrentCost(name)).currentCostNanoUsd, 0n);
  });
});
