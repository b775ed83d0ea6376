import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import type {
  BatchUpdateCostResult,
  UpdateCostRequestSchema,
} from "../../gen/es/budget/v1/budget_service_pb.ts";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { budgetIn, type Name, stateOf, suiteForEach } from "../support/api.ts";
import { assertInvalid } from "../support/errors.ts";

type Request = MessageInitShape<typeof UpdateCostRequestSchema>;

const costing = (name: Name, costNanoUsd: bigint, requestId = ""): Request => ({
  ...name,
  requestId,
  source: { case: "cost", value: { model: "m", costNanoUsd } },
});

/** The outcome of a request, in a few words. */
function outcomeOf({ outcome }: BatchUpdateCostResult): string {
  if (outcome.case === "response") {
    return `${outcome.value.replayed ? "replayed" : "charged"} ${outcome.value.costNanoUsd}`;
  }
  assert.ok(outcome.case === "status");
  const infos = outcome.value.details.map((detail) => anyUnpack(detail, ErrorInfoSchema));
  return `${Code[outcome.value.code]} ${infos.find((info) => info !== undefined)?.reason}`;
}

suiteForEach("BatchUpdateCost", {}, (api) => {
  const newBudget = async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 1_000n });
    return name;
  };
  const send = async (requests: readonly Request[]) =>
    (await api.client.batchUpdateCost({ requests: [...requests] })).results;

  test("answers each request separately and in order, and an invalid one does not affect the others", async () => {
    const name = await newBudget();
    const results = await send([
      costing(name, 1n),
      costing({ ...name, user: "nobody" }, 2n),
      costing({ ...name, user: "" }, 4n),
      costing(name, -8n),
      { ...name },
      costing(name, 16n),
      costing(name, 2n ** 63n - 1n),
      { ...name, source: { case: "usage", value: { model: "no-such-model", inputTokens: 1n } } },
      { ...name, reservationId: "r", source: { case: "cost", value: { model: "m", costNanoUsd: 1n } } },
    ]);
    assert.deepEqual(results.map(outcomeOf), [
      "charged 1",
      "NotFound BUDGET_NOT_FOUND",
      "InvalidArgument INVALID_FIELD",
      "InvalidArgument INVALID_FIELD",
      "InvalidArgument INVALID_FIELD",
      "charged 16",
      "OutOfRange AMOUNT_OVERFLOW",
      "FailedPrecondition UNPRICED_MODEL",
      "NotFound RESERVATION_NOT_FOUND",
    ]);
    assert.equal((await budgetIn(api.client.getBudget(name))).spentNanoUsd, 17n);
  });

  test("names the field of an invalid request in its status, as UpdateCost would", async () => {
    const [result] = await send([costing(await newBudget(), -8n)]);
    assert.ok(result?.outcome.case === "status");
    const { details, message } = result.outcome.value;
    const [violation] = details.flatMap(
      (detail) => anyUnpack(detail, BadRequestSchema)?.fieldViolations ?? [],
    );
    assert.equal(violation?.field, "cost.cost_nano_usd");
    assert.equal(message, "cost.cost_nano_usd: must be 0 or more, not -8");
  });

  test("charges a repeated request_id once", async () => {
    const name = await newBudget();
    const results = await send([
      costing(name, 5n, "r-1"),
      costing(name, 5n, "r-1"),
      costing(name, 6n, "r-1"),
    ]);
    assert.deepEqual(results.map(outcomeOf), ["charged 5", "replayed 5", "AlreadyExists REQUEST_ID_REUSED"]);
    assert.equal((await budgetIn(api.client.getBudget(name))).spentNanoUsd, 5n);
  });

  test("decides in order: each answer includes the effects of the previous requests", async () => {
    const name = await newBudget();
    const results = await send([500n, 500n, 1n].map((cost) => costing(name, cost)));
    const answers = results.map(({ outcome }) => outcome.case === "response" && outcome.value);
    assert.deepEqual(
      answers.map((answer) => answer && [answer.budget?.remainingNanoUsd, answer.overBudget]),
      [
        [500n, false],
        [0n, false],
        [-1n, true],
      ],
    );
  });

  test("accepts 1,000 requests for many budgets, and applies all of them", async () => {
    const { project } = api.newName();
    const names = Array.from({ length: 10 }, (_, index) => ({ project, user: `user-${index}` }));
    await Promise.all(
      names.map((name) => api.client.createBudget({ ...name, totalBudgetNanoUsd: 1_000_000n })),
    );
    const requests = Array.from({ length: 1000 }, (_, index) =>
      costing(names[index % 10] as Name, BigInt(index)),
    );
    const results = await send(requests);
    assert.deepEqual(
      results.map(outcomeOf),
      requests.map((_, index) => `charged ${index}`),
    );
    const { budgets } = await api.client.listUsers({ project });
    // 0 + 10 + ... + 990 is 49,500, and each further user gets one more, a hundred times.
    assert.deepEqual(
      budgets.map(({ spentNanoUsd }) => spentNanoUsd),
      names.map((_, index) => 49_500n + 100n * BigInt(index)),
    );
  });

  test("refuses an empty batch and one of more than 1,000 requests, and charges nothing", async () => {
    const name = await newBudget();
    const before = await stateOf(api, name);
    await assertInvalid(send([]), "requests", "must be 1 to 1000, not 0");
    const tooMany = Array.from({ length: 1001 }, () => costing(name, 1n));
    await assertInvalid(send(tooMany), "requests", "must be 1 to 1000, not 1001");
    assert.deepEqual(await stateOf(api, name), before);
  });
});
