import assert from "node:assert/strict";
import { test } from "node:test";
import { suiteForEach } from "../support/api.ts";

/** What LiteLLM's BudgetManager keeps of a user. */
const ALICE =
  '{"total_budget": 10, "duration": 86400, "created_at": 1700000000, "current_cost": 0.05, "model_cost": {"gpt-4o": 0.05}}';

suiteForEach("LiteLLM's REST endpoints", { stores: ["PGlite"], ways: ["Connect"] }, (api) => {
  const post = async (path: string, body: string | Uint8Array<ArrayBuffer>) => {
    const headers = { "content-type": "application/json" };
    const url = `${api.server.httpUrl}${path}`;
    const response = await fetch(url, { method: "POST", headers, body });
    assert.equal(response.headers.get("content-type"), "application/json");
    return { status: response.status, text: await response.text() };
  };
  const set = (project: string, map: string) =>
    post("/set_budget", `{"project_name": ${JSON.stringify(project)}, "user_dict": ${map}}`);
  const get = (project: string) => post("/get_budget", JSON.stringify({ project_name: project }));

  test("take the whole map in and give the whole map out", async () => {
    const { project } = api.newName();
    assert.deepEqual(await set(project, `{"alice": ${ALICE}}`), {
      status: 200,
      text: '{"status":"success"}',
    });
    const { status, text } = await get(project);
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(text), { status: "success", data: { alice: JSON.parse(ALICE) } });
  });

  test("keep the map as it was written: its order, its long numbers, its text", async () => {
    const map =
      '{"zoe": {"a": 0.1000000000000000055511151231257827, "b": [{}, "},{"]}, "10": {}, "2": {"n": 12345678901234567890}, "user_dict": {"\\u00eb": "\\"\\\\"}}';
    const { project } = api.newName();
    await set(project, map);
    assert.equal((await get(project)).text, `{"status":"success","data":${map}}`);
  });

  test("find the map wherever it stands in the request, and take the last of two", async () => {
    const { project } = api.newName();
    const body = `{"user_dict": {"first": {}}, "more": {"user_dict": 1}, "user\\u005fdict" :\n{"last": {}}\t, "project_name": "${project}"}`;
    await post("/set_budget", body);
    assert.equal((await get(project)).text, '{"status":"success","data":{"last": {}}}');
  });

  test("put the last map in the place of the one before, an empty one too", async () => {
    const { project } = api.newName();
    await set(project, `{"alice": ${ALICE}}`);
    await set(project, "{}");
    assert.equal((await get(project)).text, '{"status":"success","data":{}}');
  });

  test("answer 200 with an error for a project that nobody has set, as the client expects", async () => {
    const { status, text } = await get(api.newName().project);
    assert.equal(status, 200);
    assert.equal(JSON.parse(text).status, "error");
  });

  test("answer 400 for what they cannot take, saying why, and keep what was there", async () => {
    const { project } = api.newName();
    await set(project, `{"alice": ${ALICE}}`);
    const before = await get(project);
    const named = (userDict: string) => `{"project_name": "${project}", "user_dict": ${userDict}}`;
    const bad: [body: string | Uint8Array<ArrayBuffer>, message: RegExp][] = [
      ["", /^request: must be JSON$/],
      ["{", /^request: must be JSON$/],
      [named('{"alice": NaN}'), /^request: must be JSON$/],
      ["[]", /^request: must be a JSON object$/],
      ["null", /^request: must be a JSON object$/],
      ["{}", /^project_name: must be a string$/],
      ['{"project_name": 5}', /^project_name: must be a string$/],
      ['{"project_name": ""}', /^project_name: is required$/],
      ['{"project_name": "a\\u0000b"}', /^project_name: must not contain control/],
      ['{"project_name": "\\ud800"}', /^project_name: must be valid Unicode$/],
      [`{"project_name": "${"p".repeat(257)}", "user_dict": {}}`, /^project_name: must be at most 256 bytes/],
      [Buffer.from('{"project_name": "\xff"}', "latin1"), /^request: must be valid UTF-8$/],
      [`{"project_name": "${project}"}`, /^user_dict: must be an object/],
      [named("[]"), /^user_dict: must be an object/],
      [named('{"alice": 5}'), /^user_dict\.alice: must be an object$/],
      [named('{"": {}}'), /^user_dict: /],
      [
        named(`{"alice": {"note": "${"x".repeat(5_000_000)}"}}`),
        /^request: is 5000\d{3} bytes, more than the 4194304 allowed$/,
      ],
    ];
    for (const [body, message] of bad) {
      const { status, text } = await post("/set_budget", body);
      const answer = JSON.parse(text) as { status: string; message: string };
      assert.deepEqual([status, answer.status], [400, "error"], text);
      assert.match(answer.message, message);
    }
    assert.deepEqual(await get(project), before);
  });

  test("are for POST only", async () => {
    for (const path of ["/get_budget", "/set_budget"]) {
      assert.equal((await fetch(`${api.server.httpUrl}${path}`)).status, 405);
    }
  });
});
