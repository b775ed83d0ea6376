import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { create, type DescMessage, type JsonObject, type Message } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import type { Fingerprints } from "../../src/domain/fingerprint.ts";
import * as fingerprints from "../../src/server/fingerprints.ts";
import { type Api, suiteForEach } from "../support/api.ts";
import { assertRefused } from "../support/errors.ts";
import { FROZEN_REQUESTS, type FrozenRequest } from "../support/frozen-requests.ts";

const OF_CALL = {
  updateCost: fingerprints.fingerprintsOfUpdateCost,
  reserveCost: fingerprints.fingerprintsOfReserveCost,
  refundCost: fingerprints.fingerprintsOfRefundCost,
  resetCost: fingerprints.fingerprintsOfResetCost,
  createBudget: fingerprints.fingerprintsOfCreateBudget,
};

const printsOf = ({ call, init }: Pick<FrozenRequest, "call" | "init">): Fingerprints => {
  const message = create(BudgetService.method[call].input as DescMessage, init as Record<string, unknown>);
  return (OF_CALL[call] as (request: Message) => Fingerprints)(message);
};
const printOf = (init: FrozenRequest["init"], call: FrozenRequest["call"]): string =>
  printsOf({ call, init }).fingerprint;

suite("The frozen table of fingerprints", () => {
  test("has every call that has a fingerprint, and at least 20 requests", () => {
    assert.ok(FROZEN_REQUESTS.length >= 20);
    assert.deepEqual(new Set(FROZEN_REQUESTS.map(({ call }) => call)), new Set(Object.keys(OF_CALL)));
  });

  for (const frozen of FROZEN_REQUESTS) {
    test(`has the fingerprints of ${frozen.what} (${frozen.call})`, () => {
      const { fingerprint, fingerprintV1 } = printsOf(frozen);
      assert.equal(fingerprint, frozen.v2);
      assert.equal(fingerprintV1?.(), frozen.v1);
    });
  }

  test("has the same request twice: a hold with what is the default spelt out", () => {
    assert.equal(new Set(FROZEN_REQUESTS.map(({ v1 }) => v1)).size, FROZEN_REQUESTS.length - 1);
    assert.equal(new Set(FROZEN_REQUESTS.map(({ v2 }) => v2)).size, FROZEN_REQUESTS.length - 1);
  });
});

suite("A fingerprint of a request", () => {
  test("does not depend on the project and the request id", () => {
    const key = { project: "p", requestId: "r" };
    for (const { call, init, v2 } of FROZEN_REQUESTS) assert.equal(printOf({ ...init, ...key }, call), v2);
  });

  test("does not depend on what a client sends back of a limit", () => {
    const limit = { model: "m", limitNanoUsd: 5n };
    assert.equal(
      printOf({ modelLimits: [{ ...limit, spentNanoUsd: 1n, heldNanoUsd: 2n }] }, "createBudget"),
      printOf({ modelLimits: [limit] }, "createBudget"),
    );
  });

  test("does not depend on how a ttl is spelt", () => {
    const ttl = (seconds: bigint, nanos: number) => printOf({ ttl: { seconds, nanos } }, "reserveCost");
    assert.equal(ttl(600n, 0), printOf({}, "reserveCost"));
    assert.equal(ttl(599n, 1_000_000_000), printOf({}, "reserveCost"));
    assert.equal(ttl(1n, 500_000_999), ttl(1n, 500_000_000));
    assert.equal(ttl(0n, 1_500_000_000), ttl(1n, 500_000_000));
    assert.notEqual(ttl(1n, 500_001_000), ttl(1n, 500_000_000));
    assert.notEqual(ttl(599n, 0), ttl(600n, 0));
  });

  test("tells sources apart that are empty", () => {
    const sources = ["completion", "text", "usage", "cost"].map((name) => ({ case: name, value: {} }));
    const prints = [undefined, ...sources].map((source) =>
      printOf({ source } as FrozenRequest["init"], "updateCost"),
    );
    assert.equal(new Set(prints).size, 5);
  });

  test("counts zeros, empty strings and nulls in JSON", () => {
    const contents: JsonObject[] = [
      {},
      { a: 0 },
      { a: "" },
      { a: null },
      { a: false },
      { a: {} },
      { a: [] },
      { a: [0] },
    ];
    const prints = contents.map((value) => printOf({ source: { case: "completion", value } }, "updateCost"));
    assert.equal(new Set(prints).size, contents.length);
  });
});

suiteForEach("Repeated requests", { ways: ["gRPC"] }, (api) => {
  for (const frozen of FROZEN_REQUESTS) {
    test(`repeat ${frozen.what} (${frozen.call}), before and after the upgrade to version 2`, async () => {
      const { project } = api.newName();
      await prepare(api, project);
      const first = await send(api, project, frozen);
      assert.deepEqual(await printsStored(api, project), [frozen.v2]);
      for (const stored of [frozen.v2, frozen.v1]) {
        await store(api, project, stored);
        assert.deepEqual(await send(api, project, frozen), { ...first, ...REPLAYED[frozen.call] });
        await assertRefusedAsAnother(api, project, { call: frozen.call, init: otherThan(frozen) });
        assert.deepEqual(await printsStored(api, project), [stored]);
      }
    });
  }

  test("of a later version are refused", async () => {
    const frozen = FROZEN_REQUESTS[0] as FrozenRequest;
    const { project } = api.newName();
    await prepare(api, project);
    await send(api, project, frozen);
    await store(api, project, `3${frozen.v2.slice(1)}`);
    await assertRefusedAsAnother(api, project, frozen);
  });
});

interface Sent {
  call: FrozenRequest["call"];
  init: object;
}

const REQUEST_ID = "x-1";
const REPLAYED = {
  updateCost: { replayed: true },
  reserveCost: { replayed: true },
  refundCost: { replayed: true },
  resetCost: { replayed: true },
  createBudget: {},
};

async function prepare({ client }: Api, project: string): Promise<void> {
  const alice = { project, user: "alice" };
  const cost = { case: "cost", value: { model: "m", costNanoUsd: 10n } } as const;
  await client.createBudget({ project, user: "team", totalBudgetNanoUsd: 10n ** 15n });
  await client.createBudget({ ...alice, totalBudgetNanoUsd: 10n ** 15n });
  await client.updateCost({ ...alice, requestId: "c-1", source: cost });
  const amount = { case: "costNanoUsd", value: 10n } as const;
  await client.reserveCost({ ...alice, requestId: "r-1", model: "m", amount });
}

const send = ({ client }: Api, project: string, { call, init }: Sent): Promise<object> =>
  (client[call] as (request: object) => Promise<object>)({ ...init, project, requestId: REQUEST_ID });

function assertRefusedAsAnother(api: Api, project: string, request: Sent): Promise<void> {
  const answer = send(api, project, request);
  return request.call === "createBudget"
    ? assertRefused(answer, "AlreadyExists", "BUDGET_EXISTS", { project, user: "bob" })
    : assertRefused(answer, "AlreadyExists", "REQUEST_ID_REUSED", { project, request_id: REQUEST_ID });
}

/** Another request with the same key. */
function otherThan({ call, init }: FrozenRequest): object {
  switch (call) {
    case "updateCost":
      return { ...init, source: { case: "cost", value: { model: "another", costNanoUsd: 1n } } };
    case "reserveCost":
      return { ...init, model: "gpt-4o-mini" };
    case "refundCost":
      return { ...init, amountNanoUsd: 1n };
    case "resetCost":
      return { ...init, user: "team" };
    case "createBudget":
      return { ...init, totalBudgetNanoUsd: 99n };
    default: {
      const unreachable: never = call;
      return unreachable;
    }
  }
}

async function printsStored({ server }: Api, project: string): Promise<string[]> {
  const { rows } = await sql<{ print: string }>`
    select creation_fingerprint as print from budgets where project = ${project} and user_id = 'bob'
    union all select request_fingerprint from entries where project = ${project} and request_id = ${REQUEST_ID}
    union all select request_fingerprint from reservations
    where project = ${project} and reservation_id = ${REQUEST_ID}`.execute(server.database.kysely);
  return rows.map(({ print }) => print);
}

/** Puts a fingerprint into the row of the request, as a server of another version has left it there. */
async function store({ server: { database } }: Api, project: string, print: string): Promise<void> {
  await sql`update budgets set creation_fingerprint = ${print}
    where project = ${project} and user_id = 'bob'`.execute(database.kysely);
  await sql`update entries set request_fingerprint = ${print}
    where project = ${project} and request_id = ${REQUEST_ID}`.execute(database.kysely);
  await sql`update reservations set request_fingerprint = ${print}
    where project = ${project} and reservation_id = ${REQUEST_ID}`.execute(database.kysely);
}
