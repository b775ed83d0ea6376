import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { legacyPosts } from "../support/legacy.ts";
import { perRun, SEED } from "../support/run.ts";
import { type BudgetClient, makeStore, STORES, startTestServer, type TestServer } from "../support/server.ts";

const RUNS = perRun(12, 1500);
const BATCH = 1000;
const MODEL_BYTES_MAX = 256;
const ID_BYTES_MAX = 128;
/** The short run takes only every n-th of the names that all code points make. */
const EVERY = perRun(8, 1);

const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code < 0xa0);
const isSurrogate = (code: number): boolean => code >= 0xd800 && code < 0xe000;

/**
 * Names of at most this many bytes, which together contain every character that a name may have, each where it is
 * allowed.
 */
function* namesOfAllUnicode(bytesMax: number): Generator<string> {
  let name = "";
  let bytes = 0;
  for (let code = 0; code <= 0x10ffff; code++) {
    if (isControl(code) || isSurrogate(code)) continue;
    const character = String.fromCodePoint(code);
    const length = Buffer.byteLength(character);
    // A character that cannot start a name is kept for the next name.
    if (bytes + length > bytesMax && code !== 0xfeff) {
      yield name;
      [name, bytes] = ["", 0];
    }
    name += character;
    bytes += length;
  }
  yield name;
}

/** Text that a database, a driver or an array literal could misread. */
const TRICKY = [
  ..."\"'\\{}(),;:$%_*[]<>&?#=/-`|~ \u00ad".split(""),
  "NULL",
  "null",
  "\\N",
  "\\u0000",
  "{}",
  '""',
  "$1",
  "''",
  "--",
  "/*",
  "__proto__",
  "constructor",
  "toString",
  "e\u0301",
  "\u00e9",
  "\u212b",
  "\u00c5",
  "\uac00",
  "\u1100\u1161",
  "\u2028",
  "\u2029",
  "\u200b",
  "\u200d",
  "\u200e",
  "\u202e",
  "\u2066",
  "\u00a0",
  "\u3000",
  "\ufe0f",
  "\ufffd",
  "\ufffe",
  "\uffff",
  "\ufdd0",
  "\ue000",
  "\u{1f469}\u200d\u{1f680}",
  "\u{1f1e9}\u{1f1ea}",
  "\u{e0001}",
  "\u{e0041}",
  "\u{1fffe}",
  "\u{f0000}",
  "\u{10ffff}",
  "a\ufeff",
  "İ",
  "ı",
  "ß",
];

const anyCharacter = fc
  .integer({ min: 0x20, max: 0x10ffff })
  .filter((code) => !isControl(code) && !isSurrogate(code))
  .map((code) => String.fromCodePoint(code));
const anyText = (bytesMax: number) =>
  fc
    .array(fc.oneof(fc.constantFrom(...TRICKY), anyCharacter), { minLength: 1, maxLength: 30 })
    .map((parts) => parts.join(""))
    .filter((text) => !text.startsWith("\ufeff") && Buffer.byteLength(text) <= bytesMax);
const anyName = anyText(200);
const anyId = anyText(120);

const anyNames = fc
  .record({
    project: anyName,
    users: fc.uniqueArray(anyName, { minLength: 3, maxLength: 3 }),
    model: anyName,
    ids: fc.uniqueArray(anyId, { minLength: 4, maxLength: 4 }),
  })
  // Pairs that other programs would treat as equal.
  .map(({ users: [first = "", second = "", third = ""], ...names }) => ({
    ...names,
    users: [...new Set([first, first.normalize("NFC"), first.normalize("NFD"), `${first} `, second, third])],
  }));

/** Names that an object or an array could misread. */
const SPECIAL_NAMES = {
  project: "NULL",
  users: ["__proto__", "constructor", "NULL", "{}"],
  model: "__proto__",
  ids: ["__proto__", "NULL", "null", "{}"],
};

for (const kind of STORES) {
  describe(`text on ${kind}`, () => {
    const stack = new AsyncDisposableStack();
    let server: TestServer;
    let client: BudgetClient;
    before(async () => {
      const { environment } = stack.use(await makeStore(kind));
      server = stack.use(await startTestServer({ ...environment, PRICES_REFRESH_MS: "0" }));
      client = server.grpc;
    });
    after(() => stack.disposeAsync());

    it("is returned as it was written, for every character of Unicode", async () => {
      const name = { project: "all", user: "u" };
      await client.createBudget({ ...name, totalBudgetNanoUsd: 1n });
      const models = [...namesOfAllUnicode(MODEL_BYTES_MAX)].filter((_, index) => index % EVERY === 0);
      const ids = [...namesOfAllUnicode(ID_BYTES_MAX)].filter((_, index) => index % EVERY === 0);
      const requests = ids.map((requestId, index) => ({
        ...name,
        requestId,
        source: {
          case: "cost" as const,
          value: { model: models[index % models.length] ?? "", costNanoUsd: 1n },
        },
      }));
      for (let start = 0; start < requests.length; start += BATCH) {
        const { results } = await client.batchUpdateCost({ requests: requests.slice(start, start + BATCH) });
        for (const { outcome } of results) assert.equal(outcome.case, "response");
      }
      const stored = new Map<string, string>();
      for (let pageToken = ""; ; ) {
        const page = await client.listCostEntries({ ...name, pageSize: BATCH, pageToken });
        for (const { requestId, model } of page.entries) stored.set(requestId, model);
        pageToken = page.nextPageToken;
        if (pageToken === "") break;
      }
      assert.equal(stored.size, requests.length);
      for (const { requestId, source } of requests) assert.equal(stored.get(requestId), source.value.model);
      const { modelCosts, currentCostNanoUsd } = await client.getCurrentCost(name);
      assert.equal(currentCostNanoUsd, BigInt(requests.length));
      assert.deepEqual(Object.keys(modelCosts).toSorted(), models.toSorted());
    });

    it("is distinguished and returned as it was written, in every field that holds a name", async () => {
      await fc.assert(
        fc.asyncProperty(anyNames, async ({ project: given, users, model, ids }) => {
          // A project for each run, so that runs do not interfere.
          const project = `${given} ${randomUUID()}`;
          const [parent = "", ...children] = users;
          const [openId = "", heldId = "", pricedId = "", expiredId = ""] = ids;
          const modelLimits = [{ model, limitNanoUsd: 10n ** 15n }];
          const total = { totalBudgetNanoUsd: 10n ** 15n, modelLimits };
          await client.createBudget({ project, user: parent, ...total });
          for (const user of children) await client.createBudget({ project, user, parent, ...total });
          await client.setModelPrice({
            project,
            price: { model, rates: [{ dimension: "input", usd: "1" }] },
          });

          const [child = ""] = children;
          const name = { project, user: child };
          const amount = { case: "costNanoUsd", value: 100n } as const;
          await client.reserveCost({ ...name, model, amount, requestId: openId });
          await client.reserveCost({ ...name, model, amount, requestId: heldId });
          await client.releaseReservation({ project, reservationId: openId });
          await client.reserveCost({
            ...name,
            model,
            requestId: expiredId,
            amount: { case: "estimate", value: { text: "a", maxOutputTokens: 0n } },
          });
          await client.updateCost({
            ...name,
            requestId: pricedId,
            reservationId: heldId,
            source: { case: "usage", value: { model, inputTokens: 7n } },
          });

          // Sorted by bytes, as pages of names are.
          const inOrder = users.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
          const listed: string[] = [];
          for (let pageToken = ""; ; ) {
            const page = await client.listUsers({ project, pageSize: 2, pageToken });
            listed.push(...page.budgets.map((budget) => budget.user));
            pageToken = page.nextPageToken;
            if (pageToken === "") break;
          }
          assert.deepEqual(listed, inOrder);
          for (const user of users) {
            const { budget } = await client.getBudget({ project, user });
            const spent = user === child || user === parent ? 7000n : 0n;
            assert.deepEqual(
              [budget?.project, budget?.user, budget?.parent, budget?.spentNanoUsd],
              [project, user, user === parent ? "" : parent, spent],
            );
            assert.deepEqual(
              budget?.modelLimits.map((limit) => [limit.model, limit.spentNanoUsd]),
              [[model, spent]],
            );
            const { modelCosts } = await client.getCurrentCost({ project, user });
            assert.deepEqual(Object.entries(modelCosts), spent === 0n ? [] : [[model, spent]]);
            const { budgets } = await client.listUsers({ project, userPrefix: user });
            assert.deepEqual(
              budgets.map((each) => each.user),
              inOrder.filter((each) => each.startsWith(user)),
            );
          }

          const { entries } = await client.listCostEntries({ project });
          assert.deepEqual(
            entries.map((entry) => [
              entry.requestId,
              entry.user,
              entry.model,
              entry.reservationId,
              entry.usage?.model,
              entry.price?.model,
            ]),
            [[pricedId, child, model, heldId, model, model]],
          );
          const { reservations } = await client.listReservations({ project });
          assert.deepEqual(
            new Set(
              reservations.map((each) =>
                JSON.stringify([each.reservationId, each.user, each.model, each.ancestors]),
              ),
            ),
            new Set([openId, heldId, expiredId].map((id) => JSON.stringify([id, child, model, [parent]]))),
          );
          const { prices } = await client.listModelPrices({ project });
          assert.deepEqual(
            prices.map((price) => price.model),
            [model],
          );
          const map = await legacyPosts(() => server).get(project);
          const { data } = JSON.parse(map.text) as { data: Record<string, { model_cost: object }> };
          assert.deepEqual(Object.keys(data).toSorted(), users.toSorted());
          assert.deepEqual(Object.keys(data[child]?.model_cost ?? {}), [model]);
        }),
        { numRuns: RUNS, seed: SEED, examples: [[SPECIAL_NAMES]] },
      );
    });

    it("that is invalid is refused in every field", async () => {
      const { get, post } = legacyPosts(() => server);
      // gRPC cannot carry half a surrogate pair; JSON can.
      for (const text of ["\ud800", "a\udfff", "\udc00\ud800"]) {
        assert.deepEqual(JSON.parse((await get(text)).text), {
          status: "error",
          message: "project_name: must be valid Unicode",
        });
        const body = JSON.stringify({ project_name: "p", user_dict: { [text]: { total_budget: 1 } } });
        assert.deepEqual(JSON.parse((await post("/set_budget", body)).text), {
          status: "error",
          message: "user_dict: must be valid Unicode",
        });
        const answer = await fetch(`${server.httpUrl}/budget.v1.BudgetService/CreateBudget`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ project: "p", user: text }),
        });
        assert.equal(answer.status, 400);
      }
      for (let code = 0; code < 0xa0; code++) {
        if (!isControl(code)) continue;
        const call = client.createBudget({ project: "p", user: `a${String.fromCodePoint(code)}` });
        await assert.rejects(call, /user: must not contain control characters/);
      }
      assert.deepEqual((await client.listUsers({ project: "p" })).budgets, []);
    });
  });
}
