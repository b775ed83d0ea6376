import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { charge, stateOf, suiteForEach } from "../support/api.ts";
import { LegacyClient, legacyPosts } from "../support/legacy.ts";

const DOLLAR = 1_000_000_000n;

suiteForEach("A post to LiteLLM's REST endpoints", { stores: ["PGlite"], ways: ["Connect"] }, (api) => {
  const posts = legacyPosts(() => api.server);

  test("is refused as a whole with a message if any part of it is invalid, and changes nothing", async () => {
    const name = api.newName();
    const { project } = name;
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 10n * DOLLAR });
    await charge(api, name, DOLLAR);
    const before = await stateOf(api, name);
    const map = (userDict: string) => `{"project_name": "${project}", "user_dict": ${userDict}}`;
    // Sent beside a valid record that would create a budget.
    const alice = (members: string) =>
      map(`{"new": {"total_budget": 1, "current_cost": 0.5}, "alice": {"total_budget": 10, ${members}}}`);
    const bad: [body: string | Uint8Array<ArrayBuffer>, message: RegExp][] = [
      ["", /^request: must be JSON$/],
      ["{", /^request: must be JSON$/],
      [map('{"alice": NaN}'), /^request: must be JSON$/],
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
      [map("[]"), /^user_dict: must be an object/],
      [map('{"alice": 5}'), /^user_dict\.alice: must be an object$/],
      [map('{"": {"total_budget": 1}}'), /^user_dict: is required$/],
      [map('{"a\\nb": {"total_budget": 1}}'), /^user_dict: must not contain control/],
      [map('{"alice": {}}'), /^user_dict\.alice\.total_budget: must be a number of dollars, not absent$/],
      [map('{"alice": {"total_budget": "10"}}'), /^user_dict\.alice\.total_budget: .*not "10"$/],
      [map('{"alice": {"total_budget": -1}}'), /^user_dict\.alice\.total_budget: must be 0 or more, not -1$/],
      [
        map('{"alice": {"total_budget": 1e10}}'),
        /^user_dict\.alice\.total_budget: must be less than 9\.2 billion/,
      ],
      [alice('"current_cost": -0.5'), /^user_dict\.alice\.current_cost: must be 0 or more, not -0\.5$/],
      [alice('"current_cost": 1e400'), /^user_dict\.alice\.current_cost: must be less than 9\.2 billion/],
      [alice('"current_cost": true'), /^user_dict\.alice\.current_cost: must be a number/],
      [alice('"model_cost": 1'), /^user_dict\.alice\.model_cost: must be an object/],
      [alice('"model_cost": {"gpt-4o": "1"}'), /^user_dict\.alice\.model_cost\.gpt-4o: must be a number/],
      [alice('"model_cost": {"a\\u0007": 1}'), /^user_dict\.alice\.model_cost: must not contain control/],
      [
        alice('"duration": 0.5'),
        /^user_dict\.alice\.duration: must be a whole number of days from 1 to 1000, not 0\.5/,
      ],
      [alice('"duration": 1001'), /^user_dict\.alice\.duration: must be a whole number of days/],
      [alice('"duration": "daily"'), /^user_dict\.alice\.duration: must be a whole number of days/],
      [alice('"created_at": "now"'), /^user_dict\.alice\.created_at: must be seconds since 1970/],
      [alice('"last_updated_at": 1e15'), /^user_dict\.alice\.last_updated_at: must be seconds since 1970/],
      // The length of no period, also where the record says that Purser has handed it out.
      [
        alice('"duration": 7301, "purser": ["s", "1", "1", "1", 7301, []]'),
        /^user_dict\.alice\.duration: must be a whole number of days/,
      ],
      [alice('"purser": ["x"]'), /^user_dict\.alice\.purser: must be the unchanged value from \/get_budget$/],
      [
        map(`{"alice": {"note": "${"x".repeat(68_000_000)}"}}`),
        /^request: is 68000\d{3} bytes, more than the 33554432/,
      ],
    ];
    for (const [body, message] of bad) {
      const { status, text } = await posts.post("/set_budget", body);
      const answer = JSON.parse(text) as { status: string; message: string };
      assert.deepEqual([status, answer.status], [400, "error"], text);
      assert.match(answer.message, message);
    }
    assert.deepEqual(await stateOf(api, name), before);
  });

  test("changes nothing if a cost would leave the range of money", async () => {
    const name = api.newName();
    const client = new LegacyClient(posts, name.project);
    await client.create("alice", { total_budget: 1 }).save();
    await charge(api, name, 2n ** 62n);
    const before = await stateOf(api, name);
    client.create("alice", { total_budget: 1, current_cost: 5e9 });
    const { status, text } = await posts.set(name.project, client.map);
    assert.deepEqual([status, JSON.parse(text).status], [400, "error"]);
    assert.match(text, /would leave the range of 64-bit nano-USD/);
    assert.deepEqual(await stateOf(api, name), before);
  });

  test("may arrive in chunks without a declared length", async () => {
    const { project } = api.newName();
    const text = JSON.stringify({ project_name: project, user_dict: { zoë: { total_budget: 1 } } });
    const bytes = new TextEncoder().encode(text);
    const body = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const url = `${api.server.httpUrl}/set_budget`;
    const headers = { "content-type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body, duplex: "half" });
    assert.equal(response.status, 200);
    const { budget } = await api.client.getBudget({ project, user: "zoë" });
    assert.equal(budget?.totalBudgetNanoUsd, DOLLAR);
  });

  test("is refused if its session was forgotten, because it is unknown what was already charged", async () => {
    const name = api.newName();
    const { kysely } = api.server.database;
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: DOLLAR });
    const client = await new LegacyClient(posts, name.project).load();
    await client.spend("alice", 0.25).save();
    const long = sql`update legacy_records set seen_at = seen_at - interval '91 days' where project = ${name.project}`;
    // A session with recent posts is not forgotten, whatever they contain.
    await long.execute(kysely);
    await client.save();
    await new LegacyClient(posts, name.project).load();
    await client.spend("alice", 0.25).save();
    assert.equal((await api.client.getBudget(name)).budget?.spentNanoUsd, DOLLAR / 2n);
    await long.execute(kysely);
    await new LegacyClient(posts, name.project).load();
    const record = client.record("alice") as unknown as { purser: string[] };
    record.purser[1] = String(BigInt(record.purser[1] ?? "") - 91n * 86_400_000_000n);
    const { status, text } = await posts.set(name.project, client.map);
    assert.equal(status, 400);
    assert.match(
      text,
      /user_dict\.alice\.purser: this map was loaded more than 90 days ago .* load it again/,
    );
  });

  test("of an earlier version, kept as a whole, becomes budgets, and its clients continue", async () => {
    const name = api.newName();
    const client = new LegacyClient(posts, name.project);
    client.create("alice", {
      total_budget: 5,
      created_at: 1.7e9,
      current_cost: 1,
      model_cost: { "gpt-4o": 1 },
    });
    await sql`insert into legacy_maps (project, user_dict, updated_at)
      values (${name.project}, ${JSON.stringify(client.map)}::json, now())`.execute(
      api.server.database.kysely,
    );
    assert.equal((await new LegacyClient(posts, name.project).load()).record("alice").current_cost, 1);
    await client.spend("alice", 0.5).save();
    const { budget } = await api.client.getBudget(name);
    assert.deepEqual([budget?.totalBudgetNanoUsd, budget?.spentNanoUsd], [5n * DOLLAR, (3n * DOLLAR) / 2n]);
  });
});
