import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  clearField,
  clone,
  create,
  type DescField,
  type DescMessage,
  type DescOneof,
  equals,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { ModelLimitSchema } from "../../gen/es/budget/v1/budget_pb.ts";
import {
  CreateBudgetRequestSchema,
  RefundCostRequestSchema,
  ReserveCostRequestSchema,
  ResetCostRequestSchema,
  UpdateCostRequestSchema,
} from "../../gen/es/budget/v1/budget_service_pb.ts";
import { requestText } from "../../src/server/fingerprints.ts";
import { perRun, SEED } from "../support/run.ts";

const RUNS = { seed: SEED, numRuns: perRun(300, 20_000) };

const SCHEMAS: readonly DescMessage[] = [
  UpdateCostRequestSchema,
  ReserveCostRequestSchema,
  RefundCostRequestSchema,
  ResetCostRequestSchema,
  CreateBudgetRequestSchema,
];

/** Fields that do not count are never set, so protobuf-es's own comparison tells which requests are the same. */
const NEVER_SET = new Set([
  ...SCHEMAS.flatMap(({ field }) => [field.project, field.requestId]),
  ModelLimitSchema.field.spentNanoUsd,
  ModelLimitSchema.field.heldNanoUsd,
]);

suite("Fingerprints", () => {
  for (const desc of SCHEMAS) {
    test(`of two ${desc.name} that differ in at most one field are equal only if the requests are`, () => {
      let different = 0;
      fc.assert(
        fc.property(messages(desc), messages(desc), fc.infiniteStream(fc.nat()), (first, source, choices) => {
          const second = clone(desc, first);
          takeOne(desc, second, source, () => choices.next().value as number);
          const isSame = equals(desc, first, second);
          different += isSame ? 0 : 1;
          assert.equal(requestText(desc, first) === requestText(desc, second), isSame);
        }),
        RUNS,
      );
      assert.ok(different > RUNS.numRuns / 5, `only ${different} pairs differ`);
    });
  }
});

type Fields = Record<string, unknown>;
type OneofValue = { case: string | undefined; value?: unknown };

/** Takes one member from another message, or one member of a message that both have. */
function takeOne(desc: DescMessage, target: Message, source: Message, choose: () => number): void {
  const members = desc.members.filter((member) => !NEVER_SET.has(member as DescField));
  const member = members[choose() % members.length] as DescField | DescOneof;
  const name = member.localName;
  const [to, from]: [Fields, Fields] = [{ ...target }, { ...source }];
  const inside = member.kind === "oneof" ? insideOneof(member, to[name], from[name]) : insideOf(member);
  const pair = inside && { desc: inside, to: valueOf(to[name]), from: valueOf(from[name]) };
  const mayDescend = pair?.to !== undefined && pair.from !== undefined && choose() % 3 > 0;
  if (mayDescend) takeOne(pair.desc, pair.to as Message, pair.from as Message, choose);
  else if (from[name] === undefined) clearField(target, member as DescField);
  else Object.assign(target, { [name]: from[name] });
}

const isOneof = (value: unknown): value is OneofValue =>
  typeof value === "object" && value !== null && "case" in value;
const valueOf = (value: unknown): unknown => (isOneof(value) ? value.value : value);

const insideOf = (field: DescField): DescMessage | undefined =>
  field.fieldKind === "message" && field.message.typeName !== "google.protobuf.Struct"
    ? field.message
    : undefined;

function insideOneof(oneof: DescOneof, to: unknown, from: unknown): DescMessage | undefined {
  if (!isOneof(to) || !isOneof(from) || to.case !== from.case) return undefined;
  const field = oneof.fields.find(({ localName }) => localName === to.case);
  return field && insideOf(field);
}

const messages = (desc: DescMessage): fc.Arbitrary<Message> =>
  inits(desc).map((init) => create(desc, init as Record<string, unknown>));

function inits(desc: DescMessage): fc.Arbitrary<object> {
  const members = desc.members.filter((member) => !NEVER_SET.has(member as DescField));
  return fc.record(Object.fromEntries(members.map((member) => [member.localName, memberValues(member)])));
}

function memberValues(member: DescField | DescOneof): fc.Arbitrary<unknown> {
  if (member.kind === "oneof") {
    const cases = member.fields.map((field) =>
      fc.record({ case: fc.constant(field.localName), value: values(field) }),
    );
    return fc.option(fc.oneof(...cases), { nil: undefined });
  }
  if (member.fieldKind === "list") return fc.array(values(member), { maxLength: 2 });
  return fc.option(values(member), { nil: undefined });
}

function values(field: DescField): fc.Arbitrary<unknown> {
  if (field.message?.typeName === "google.protobuf.Struct") return JSON_OBJECTS;
  if (field.message !== undefined) return inits(field.message);
  if (field.enum !== undefined) return fc.constantFrom(...field.enum.values.map(({ number }) => number));
  const ofScalar = field.scalar && SCALARS[field.scalar];
  return ofScalar ?? assert.fail(`no values for ${field.name}`);
}

const SCALARS: Partial<Record<ScalarType, fc.Arbitrary<unknown>>> = {
  [ScalarType.STRING]: fc.oneof(
    fc.constantFrom("", "a", "b", '"', '",model:"'),
    fc.string({ unit: "grapheme" }),
  ),
  [ScalarType.INT64]: fc.oneof(
    fc.constantFrom(0n, 1n),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  ),
  [ScalarType.INT32]: fc.integer(),
  [ScalarType.BOOL]: fc.boolean(),
  // -0 and 0 are the same amount.
  [ScalarType.DOUBLE]: fc.double({ noNaN: true }).map((value) => value + 0),
};

const JSON_OBJECTS = fc.dictionary(
  fc.constantFrom("a", "b", ""),
  fc.oneof(fc.constantFrom(0, "", null, false), fc.jsonValue({ maxDepth: 2 })),
  { maxKeys: 2 },
);
