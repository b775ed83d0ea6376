import assert from "node:assert/strict";
import { test } from "node:test";
import { type Api, charge, EVERY_WAY, type Name, stateOf, suiteForEach } from "../support/api.ts";
import { assertInvalid } from "../support/errors.ts";
import { legacyPosts } from "../support/legacy.ts";

const BOM = "\ufeff";
const MARKED = `${BOM}alice`;
const WHY = "must not begin with U+FEFF, the byte order mark";
const source = { case: "cost", value: { model: "m", costNanoUsd: 1n } } as const;
const amount = { case: "costNanoUsd", value: 1n } as const;

/** Every field that holds a name, and a call with U+FEFF at the start of it. */
const FIELDS: readonly [field: string, call: (client: Api["client"], name: Name) => Promise<unknown>][] = [
  ["project", (c, { user }) => c.createBudget({ project: MARKED, user })],
  ["user", (c, name) => c.createBudget({ ...name, user: MARKED })],
  ["parent", (c, name) => c.createBudget({ ...name, user: "child", parent: MARKED })],
  [
    "model_limits[0].model",
    (c, name) => c.createBudget({ ...name, user: "new", modelLimits: [{ model: MARKED, limitNanoUsd: 1n }] }),
  ],
  ["user", (c, name) => c.getBudget({ ...name, user: MARKED })],
  ["user", (c, name) => c.updateBudget({ ...name, user: MARKED, updateMask: { paths: ["parent"] } })],
  ["parent", (c, name) => c.updateBudget({ ...name, parent: MARKED, updateMask: { paths: ["parent"] } })],
  [
    "model_limits[0].model",
    (c, name) =>
      c.updateBudget({
        ...name,
        updateMask: { paths: ["model_limits"] },
        modelLimits: [{ model: MARKED, limitNanoUsd: 1n }],
      }),
  ],
  ["user", (c, name) => c.deleteBudget({ ...name, user: MARKED })],
  ["model", (c, name) => c.projectedCost({ ...name, model: MARKED, text: "hello" })],
  ["user", (c, name) => c.reserveCost({ ...name, user: MARKED, model: "m", amount })],
  ["model", (c, name) => c.reserveCost({ ...name, model: MARKED, amount })],
  ["request_id", (c, name) => c.reserveCost({ ...name, model: "m", amount, requestId: MARKED })],
  ["user", (c, name) => c.updateCost({ ...name, user: MARKED, source })],
  ["request_id", (c, name) => c.updateCost({ ...name, source, requestId: MARKED })],
  ["reservation_id", (c, name) => c.updateCost({ ...name, source, reservationId: MARKED })],
  ["cost.model", (c, name) => charge({ client: c }, name, 1n, { model: MARKED })],
  [
    "usage.model",
    (c, name) => c.updateCost({ ...name, source: { case: "usage", value: { model: MARKED } } }),
  ],
  ["text.model", (c, name) => c.updateCost({ ...name, source: { case: "text", value: { model: MARKED } } })],
  [
    "completion_model",
    (c, name) =>
      c.updateCost({
        ...name,
        completionModel: MARKED,
        source: { case: "completion", value: completion("m") },
      }),
  ],
  [
    "completion.model",
    (c, name) => c.updateCost({ ...name, source: { case: "completion", value: completion(MARKED) } }),
  ],
  ["reservation_id", (c, name) => c.releaseReservation({ ...name, reservationId: MARKED })],
  [
    "reservation_id",
    (c, name) => c.extendReservation({ ...name, reservationId: MARKED, ttl: { seconds: 1n } }),
  ],
  ["user", (c, name) => c.getCurrentCost({ ...name, user: MARKED })],
  ["request_id", (c, name) => c.resetCost({ ...name, requestId: MARKED })],
  ["user_prefix", (c, name) => c.listUsers({ ...name, userPrefix: MARKED })],
  ["user", (c, name) => c.sweepDurations({ ...name, user: MARKED })],
  ["user", (c, name) => c.listCostEntries({ ...name, user: MARKED })],
  ["user", (c, name) => c.listPeriods({ ...name, user: MARKED })],
  ["user", (c, name) => c.listReservations({ ...name, user: MARKED })],
  ["price.model", (c, name) => c.setModelPrice({ ...name, price: { model: MARKED, rates: RATES } })],
  ["model", (c, name) => c.deleteModelPrice({ ...name, model: MARKED })],
];

const RATES = [{ dimension: "input", usd: "1" }];
const completion = (model: string) => ({
  model,
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

suiteForEach("A name that begins with U+FEFF", { ways: EVERY_WAY }, (api) => {
  test("is refused in every field, and changes nothing", async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 1000n });
    await charge(api, name, 5n);
    const before = await stateOf(api, name);
    for (const [field, call] of FIELDS) await assertInvalid(call(api.client, name), field, WHY);
    assert.deepEqual(await stateOf(api, name), before);
  });

  test("is refused in LiteLLM's map", async () => {
    const { project } = api.newName();
    const posts = legacyPosts(() => api.server);
    const record = { total_budget: 1 };
    const bad: [unknown, project: string, message: string][] = [
      [{}, MARKED, `project_name: ${WHY}`],
      [{ [MARKED]: record }, project, `user_dict: ${WHY}`],
      [
        { alice: { ...record, current_cost: 1, model_cost: { [MARKED]: 1 } } },
        project,
        `user_dict.alice.model_cost: ${WHY}`,
      ],
    ];
    for (const [map, inProject, message] of bad) {
      const { status, text } = await posts.set(inProject, map);
      assert.equal(status, 400);
      assert.deepEqual(JSON.parse(text), { status: "error", message });
    }
    assert.deepEqual((await api.client.listUsers({ project })).budgets, []);
  });
});
