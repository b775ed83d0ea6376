import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  BudgetService,
  CreateBudgetRequestSchema,
  ReserveCostRequestSchema,
  UpdateCostRequestSchema,
} from "../../gen/es/budget/v1/budget_service_pb.ts";
import { requestText } from "../../src/server/fingerprints.ts";
import { FROZEN_REQUESTS } from "../support/frozen-requests.ts";
import { laterProto } from "../support/later-proto.ts";

const REQUESTS = FROZEN_REQUESTS.map(({ what, call, init }) => {
  const desc: DescMessage = BudgetService.method[call].input;
  return { what: `${what} (${call})`, desc, message: create(desc, init as Record<string, unknown>) };
});

const LATER = laterProto();
const later = (desc: DescMessage): DescMessage =>
  LATER.getMessage(desc.typeName) ?? assert.fail(desc.typeName);

suite("The text of a request", () => {
  for (const { what, desc, message } of REQUESTS) {
    const bytes = toBinary(desc, message);
    const text = requestText(desc, message);

    test(`is the same after the proto has got fields: ${what}`, () => {
      assert.ok(later(desc).fields.length > desc.fields.length);
      assert.equal(requestText(later(desc), fromBinary(later(desc), bytes)), text);
    });

    test(`does not depend on the order of fields on the wire: ${what}`, () => {
      assert.equal(requestText(desc, fromBinary(desc, reversed(bytes))), text);
    });

    test(`is another one with a field that is not known yet: ${what}`, () => {
      const texts = ["a", "b"].map((laterText) => {
        const newer = create(later(desc), { ...fromBinary(later(desc), bytes), laterText });
        return requestText(desc, fromBinary(desc, toBinary(later(desc), newer)));
      });
      assert.equal(new Set([text, ...texts]).size, 3);
    });
  }

  test("is another one with an unknown field in a message inside of it", () => {
    const inside = [
      [UpdateCostRequestSchema, (x: object) => ({ source: { case: "usage", value: x } })],
      [UpdateCostRequestSchema, (x: object) => ({ source: { case: "cost", value: x } })],
      [ReserveCostRequestSchema, (x: object) => ({ amount: { case: "estimate", value: x } })],
      [CreateBudgetRequestSchema, (x: object) => ({ modelLimits: [x] })],
      [CreateBudgetRequestSchema, (x: object) => ({ period: x })],
    ] as const;
    for (const [desc, around] of inside) {
      const texts = [{}, { laterCount: 1n }, { laterCount: 2n }, { laterFlag: false }].map((content) => {
        const newer = create(later(desc), around(content) as never);
        return requestText(desc, fromBinary(desc, toBinary(later(desc), newer)) as Message);
      });
      assert.equal(new Set(texts).size, texts.length, desc.typeName);
    }
  });

  test("does not depend on the order of unknown fields", () => {
    const desc = UpdateCostRequestSchema;
    const init = { laterText: "a", laterCount: 1n, laterFlag: false };
    const bytes = toBinary(later(desc), create(later(desc), init as never));
    assert.equal(
      requestText(desc, fromBinary(desc, reversed(bytes))),
      requestText(desc, fromBinary(desc, bytes)),
    );
  });

  test("tells a field with presence that is set to its default from one that is not set", () => {
    const desc = later(UpdateCostRequestSchema);
    const texts = [
      {},
      { laterFlag: false },
      { laterFlag: true },
      { source: { case: "laterSource", value: "" } },
    ];
    assert.equal(new Set(texts.map((init) => requestText(desc, create(desc, init as never)))).size, 4);
  });

  test("counts bytes, maps, wrappers and lists of every kind", () => {
    const desc = later(UpdateCostRequestSchema);
    const contents = [
      {},
      { laterBytes: new Uint8Array([1]) },
      { laterBytes: new Uint8Array([2]) },
      { laterList: ["a"] },
      { laterList: ["a", ""] },
      { laterWrapper: "" },
      { laterWrapper: "a" },
      { laterValue: { kind: { case: "numberValue", value: 0 } } },
      { laterValue: { kind: { case: "nullValue", value: 0 } } },
      { laterValue: { kind: { case: "structValue", value: { fields: {} } } } },
      { laterValue: { kind: { case: "listValue", value: { values: [] } } } },
      { laterMap: { a: 0n } },
      { laterMap: { a: 1n } },
      { laterMap: { a: 1n, b: 2n } },
    ];
    const texts = contents.map((init) => requestText(desc, create(desc, init as never)));
    assert.equal(new Set(texts).size, contents.length);
    const maps = [
      { a: 1n, b: 2n },
      { b: 2n, a: 1n },
    ].map((laterMap) => requestText(desc, create(desc, { laterMap })));
    assert.equal(maps[0], maps[1]);
  });
});

/** The same message with its fields in the opposite order. What repeats a field stays in order: those are elements of a list. */
function reversed(bytes: Uint8Array): Uint8Array {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, Uint8Array[]>();
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [no, wireType] = reader.tag();
    reader.skip(wireType, no);
    fields.set(no, [...(fields.get(no) ?? []), bytes.subarray(start, reader.pos)]);
  }
  return Buffer.concat([...fields.values()].toReversed().flat());
}
