import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type ServiceError, status } from "@grpc/grpc-js";
import { PeriodUnit } from "../../gen/es/budget/v1/budget_pb.ts";
import { UpdateCostRequestSchema } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/es/google/rpc/status_pb.ts";
import { charge, EVERY_WAY, stateOf, suiteForEach } from "../support/api.ts";
import { assertInvalid, assertRefused } from "../support/errors.ts";
import { openFrames } from "../support/grpc-frames.ts";
import { openOneConnection } from "../support/one-connection.ts";
import { type RawGrpc, rawGrpc } from "../support/raw-grpc.ts";

const UPDATE_COST = "/budget.v1.BudgetService/UpdateCost";

const bytesOf = (request: MessageInitShape<typeof UpdateCostRequestSchema>): Uint8Array =>
  toBinary(UpdateCostRequestSchema, create(UpdateCostRequestSchema, request));

/** The code of the error that a call ends with, and the reason and metadata in its details. */
async function refusalOf(call: Promise<Buffer>) {
  const error = (await call.then(
    () => assert.fail("the call succeeded instead of being refused"),
    (thrown: unknown) => thrown,
  )) as ServiceError;
  const [bytes] = error.metadata.get("grpc-status-details-bin") as Buffer[];
  const details = bytes === undefined ? [] : fromBinary(StatusSchema, bytes).details;
  const info = details.map((detail) => anyUnpack(detail, ErrorInfoSchema)).find((each) => each !== undefined);
  return { code: error.code, reason: info?.reason, field: info?.metadata.field };
}

const enveloped = (message: Uint8Array): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

const longText = (bytes: number) => ({
  case: "text" as const,
  value: { model: "gpt-4o", inputText: "a".repeat(bytes) },
});

suiteForEach("gRPC", { stores: ["PostgreSQL"], ways: ["gRPC"] }, (api) => {
  const withClient = async (use: (raw: RawGrpc) => Promise<void>) => {
    using raw = rawGrpc(api.server.grpcUrl);
    await use(raw);
  };
  const newBudget = async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 100n });
    return name;
  };
  const cost = { case: "cost" as const, value: { model: "m", costNanoUsd: 1n } };
  test("reports the server and the service as healthy to a load balancer", () =>
    withClient(async (raw) => {
      const serving = Buffer.from([0x08, 1]);
      const service = Buffer.from("budget.v1.BudgetService");
      for (const request of [Buffer.from([]), Buffer.from([0x0a, service.length, ...service])]) {
        assert.deepEqual(await raw.call("/grpc.health.v1.Health/Check", request), serving);
      }
      const unknown = raw.call("/grpc.health.v1.Health/Check", Buffer.from([0x0a, 1, 0x61]));
      assert.equal((await refusalOf(unknown)).code, status.NOT_FOUND);
    }));

  test("describes its services to a client without a schema, with all required proto files", () =>
    withClient(async (raw) => {
      const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
      const services = await raw.stream(path, Buffer.from([0x3a, 0]));
      assert.match(services.toString("latin1"), /budget\.v1\.BudgetService/);
      const symbol = Buffer.from("budget.v1.BudgetService");
      const files = (await raw.stream(path, Buffer.from([0x22, symbol.length, ...symbol]))).toString(
        "latin1",
      );
      for (const file of [
        "budget/v1/budget_service.proto",
        "budget/v1/cost.proto",
        "google/protobuf/struct.proto",
        "google/rpc/status.proto",
      ]) {
        assert.ok(files.includes(file), file);
      }
    }));

  test("refuses bytes that are not protobuf, and text that is not UTF-8, as invalid requests", () =>
    withClient(async (raw) => {
      for (const bytes of [[0xff], [0x0a, 200], [0x0a, 2, 0xff, 0xfe]]) {
        assert.deepEqual(await refusalOf(raw.call(UPDATE_COST, Buffer.from(bytes))), {
          code: status.INVALID_ARGUMENT,
          reason: "INVALID_FIELD",
          field: "request",
        });
      }
    }));

  test("refuses requests of 5 MB and of 30 MB alike, and keeps the connection open", async () => {
    using frames = openFrames(api.server.grpcUrl);
    const name = await newBudget();
    const send = (request: Parameters<typeof bytesOf>[0]) =>
      frames.send(UPDATE_COST, enveloped(bytesOf(request)));
    for (const bytes of [5e6, 30e6]) {
      const { code, reason, message } = await send({ ...name, source: longText(bytes) });
      assert.deepEqual([code, reason], [status.INVALID_ARGUMENT, "INVALID_FIELD"]);
      assert.match(message, /^request: is \d+ bytes, more than the 4194304 allowed$/);
    }
    assert.equal((await send({ ...name, source: cost })).code, status.OK);
    assert.equal((await api.client.getBudget(name)).budget?.spentNanoUsd, 1n);
  });

  test("charges nothing if the deadline has passed already", () =>
    withClient(async (raw) => {
      const name = await newBudget();
      const before = await stateOf(api, name);
      const late = raw.call(UPDATE_COST, bytesOf({ ...name, source: cost }), { deadline: Date.now() - 1 });
      assert.equal((await refusalOf(late)).code, status.DEADLINE_EXCEEDED);
      assert.deepEqual(await stateOf(api, name), before);
    }));

  test("charges nothing if the caller leaves while its text is counted", () =>
    withClient(async (raw) => {
      const name = await newBudget();
      const long = raw.begin(UPDATE_COST, bytesOf({ ...name, source: longText(4_000_000) }));
      long.cancel();
      assert.equal((await refusalOf(long.answer)).code, status.CANCELLED);
      // Texts are counted one after the other: when this one is counted, the previous one is gone.
      const source = { case: "text" as const, value: { model: "gpt-4o-mini", inputText: "hello world" } };
      assert.equal((await api.client.updateCost({ ...name, source })).budget?.spentNanoUsd, 300n);
    }));

  test("answers UNIMPLEMENTED for an unknown method", () =>
    withClient(async (raw) => {
      const unknown = raw.call("/budget.v1.BudgetService/NoSuchMethod", Buffer.from([]));
      assert.equal((await refusalOf(unknown)).code, status.UNIMPLEMENTED);
    }));
});

suiteForEach(
  "What only bytes can say",
  { stores: ["PostgreSQL"], ways: EVERY_WAY.filter((way) => way !== "Connect JSON") },
  (api) => {
    suite("is refused with the field named:", () => {
      test("a count of NaN, which JSON cannot express", async () => {
        for (const count of [Number.NaN, Number.POSITIVE_INFINITY]) {
          const value = { model: "gpt-4o", usage: { prompt_tokens: count, completion_tokens: 1 } };
          const call = api.client.updateCost({ ...api.newName(), source: { case: "completion", value } });
          await assertInvalid(call, "completion.usage.prompt_tokens");
        }
      });

      test("a time before year 1 or after year 9999", async () => {
        const name = api.newName();
        for (const time of [
          { seconds: -62_135_596_801n, nanos: 0 },
          { seconds: 253_402_300_800n, nanos: 0 },
          { seconds: 2n ** 63n - 1n, nanos: 0 },
          { seconds: 0n, nanos: -1 },
          { seconds: 0n, nanos: 1_000_000_000 },
        ]) {
          await assertInvalid(api.client.listCostEntries({ ...name, startTime: time }), "start_time");
          await assertInvalid(api.client.listCostEntries({ ...name, endTime: time }), "end_time");
          const period = { unit: PeriodUnit.DAY, count: 1, anchor: time };
          await assertInvalid(api.client.createBudget({ ...name, period }), "period.anchor");
        }
        await assertRefused(api.client.getBudget(name), "NotFound", "BUDGET_NOT_FOUND", name);
      });
    });
  },
);

suiteForEach("A large request", { stores: ["PostgreSQL"], ways: EVERY_WAY }, (api) => {
  test("of 5 MB is refused with its size, and the server still answers", async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 1n });
    const source = { case: "text" as const, value: { model: "gpt-4o", inputText: "a".repeat(5e6) } };
    const call = api.client.updateCost({ ...name, source });
    await assertInvalid(call, "request", /^is 5000\d{3} bytes, more than the 4194304 allowed$/);
    assert.equal((await charge(api, name, 1n)).budget?.spentNanoUsd, 1n);
  });
});

suiteForEach("A huge request", { stores: ["PostgreSQL"], ways: ["Connect"] }, (api) => {
  for (const type of ["application/json", "application/proto", "application/grpc-web+proto"]) {
    test(`of 30 MB of ${type} is refused, and the connection still answers`, async () => {
      using connection = openOneConnection(api.server.httpUrl);
      const body = Buffer.alloc(30e6, 0x20);
      const { text } = await connection.send(UPDATE_COST, { headers: { "content-type": type }, body });
      assert.match(text, /INVALID_FIELD|grpc-status: 3/);
      assert.match(text, /more than the 4194304 allowed/);
      assert.equal((await connection.send("/healthz", { method: "GET" })).status, 200);
    });
  }
});
