import assert from "node:assert/strict";
import { connect } from "node:http2";
import { after, before, suite, test } from "node:test";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { type BudgetError, Failure } from "../../src/domain/errors.ts";
import { toStatus } from "../../src/server/status.ts";
import { errorOf, levelsOf, told } from "../support/errors.ts";
import { everyError } from "../support/every-error.ts";
import { startTransports, type Transports } from "../support/transports.ts";

// Characters of one, three and four bytes, and two that are escaped in quoted text.
const ERRORS = ["a", "€", "💰", '"', "\\"].flatMap(everyError);

/** The error whose number a call gives as its user. */
const numbered = (user: string): BudgetError => {
  const error = ERRORS[Number(user)];
  assert.ok(error !== undefined);
  return error;
};

/** gRPC's own limit of headers is 8 KB, and other fields need room there, too. */
const DETAILS_CHARACTERS_MAX = 4096;

suite("Every error", () => {
  let transports: Transports;
  before(async () => {
    transports = await startTransports({
      handlers: {
        getBudget: async ({ user }) => {
          throw new Failure(numbered(user));
        },
        // oxlint-disable-next-line require-yield
        watchBudget: async function* ({ user }) {
          throw new Failure(numbered(user));
        },
        batchUpdateCost: async () => ({
          results: ERRORS.map((error) => ({ outcome: { case: "status", value: toStatus(error) } })),
        }),
      },
    });
  });
  after(() => transports[Symbol.asyncDispose]());
  const refusal = async (index: number) => {
    const client = transports.clients["gRPC"];
    assert.ok(client !== undefined);
    return errorOf(client.getBudget({ project: "p", user: String(index) }));
  };

  for (const way of ["gRPC", "Connect", "Connect JSON", "gRPC-Web", "gRPC-Web JSON", "in-process"]) {
    test(`reaches its caller over ${way}: as the answer, on a stream, and inside of an answer`, async () => {
      const client = transports.clients[way];
      assert.ok(client !== undefined);
      const { results } = await client.batchUpdateCost({ requests: [] });
      for (const [index, error] of ERRORS.entries()) {
        const name = { project: "p", user: String(index) };
        const answer = told(await errorOf(client.getBudget(name)));
        const stream = told(await errorOf(Array.fromAsync(client.watchBudget(name))));
        assert.deepEqual(stream, answer);
        assert.deepEqual([answer.domain, answer.reason], ["budget.v1", error.reason]);
        const { outcome } = results[index] ?? {};
        assert.ok(outcome?.case === "status");
        const [info] = outcome.value.details.map((detail) => anyUnpack(detail, ErrorInfoSchema));
        assert.deepEqual([outcome.value.code, info?.reason], [Code[answer.code], error.reason]);
        assert.deepEqual(info?.metadata, answer.metadata);
      }
    });
  }

  test("needs less than 4 KB of headers, and keeps the budget that refused and the retry delay", async () => {
    const session = connect(transports.grpcUrl);
    for (const [index, error] of ERRORS.entries()) {
      const headers = await trailersOfGetBudget(session, String(index));
      const details = String(headers["grpc-status-details-bin"]);
      assert.ok(details.length < DETAILS_CHARACTERS_MAX, `${error.reason} takes ${details.length}`);
      assert.ok(String(headers["grpc-message"]).length < DETAILS_CHARACTERS_MAX / 2);
    }
    session.close();
  });

  test("names the budget that refused, the number of budgets without room, and the retry delay", async () => {
    for (const [index, error] of ERRORS.entries()) {
      if (!("levels" in error)) continue;
      const refused = await refusal(index);
      const { metadata, retryDelayMs } = told(refused);
      const levels = levelsOf(refused);
      assert.equal(levels[0], `budget:${error.project}/${error.user}`);
      assert.equal(levels.length + Number(metadata["levels_omitted"] ?? 0), error.levels.length);
      assert.equal(metadata["user"], error.user);
      assert.equal(retryDelayMs, 8_640_000_000_000.123);
    }
  });

  test("gives the retry delay with a fraction of a millisecond", async () => {
    for (const [index, error] of ERRORS.entries()) {
      if (!("retryAfterMs" in error) || "levels" in error) continue;
      const { retryDelayMs } = told(await refusal(index));
      assert.equal(retryDelayMs, error.retryAfterMs);
    }
  });
});

async function trailersOfGetBudget(session: ReturnType<typeof connect>, user: string) {
  const stream = session.request({
    ":method": "POST",
    ":path": "/budget.v1.BudgetService/GetBudget",
    "content-type": "application/grpc",
    te: "trailers",
  });
  const message = Buffer.from([0x0a, 1, 0x70, 0x12, user.length, ...Buffer.from(user)]);
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
  const all: Record<string, unknown> = {};
  stream.on("response", (headers) => Object.assign(all, headers));
  stream.on("trailers", (headers) => Object.assign(all, headers));
  stream.resume();
  await new Promise((resolve) => stream.once("close", resolve));
  return all;
}
