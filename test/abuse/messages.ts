import {
  create,
  type DescField,
  type DescMessage,
  type DescMethod,
  type JsonObject,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { COMPLETIONS } from "../support/completions.ts";
import type { Random } from "../support/run.ts";
import {
  DOUBLES,
  ENUMS,
  INT32S,
  INT64S,
  MASK_PATHS,
  MODELS,
  NANOS,
  ODD_NAMES,
  oddText,
  SECONDS,
} from "./values.ts";
import type { World } from "./world.ts";

/** Every method of the service. A method that is added to the proto is covered without a change here. */
export const METHODS: readonly DescMethod[] = Object.values(BudgetService.method);

/** Options for making a message. */
export interface Making {
  random: Random;
  world: World;
  /** One field in this many gets a hostile value. 0: none does. */
  oddOneIn: number;
}

const DEPTH_MAX = 4;
const BATCH_SIZES = [1000, 1001, 5000];

/** Makes a request by reflection: a field gets a value by its name if the name is known, otherwise by its type. */
export function makeMessage(making: Making, desc: DescMessage, depth = 0): Message {
  const { random } = making;
  const fields: Record<string, unknown> = {};
  const chosen = new Map(desc.oneofs.map((oneof) => [oneof.name, random.pick(oneof.fields)]));
  for (const field of desc.fields) {
    if (field.oneof !== undefined) {
      if (chosen.get(field.oneof.name) !== field || depth > DEPTH_MAX) continue;
      fields[field.oneof.localName] = { case: field.localName, value: makeField(making, field, depth) };
    } else if (isGiven(making, field, depth)) fields[field.localName] = makeField(making, field, depth);
  }
  // Period and duration exclude each other: if both were set, no valid budget would ever have either.
  if ("period" in fields && "duration" in fields && !isOdd(making))
    delete fields[random.pick(["period", "duration"])];
  return create(desc, fields);
}

const isOdd = ({ random, oddOneIn }: Making): boolean => oddOneIn > 0 && random.below(oddOneIn) === 0;

// Fields that every valid request needs.
const ALWAYS = new Set([
  "project",
  "user",
  "model",
  "price",
  "unit",
  "count",
  "update_mask",
  "usd",
  "dimension",
]);
const SELDOM = new Set([
  "page_token",
  "service_tier",
  "above_input_tokens",
  "parent",
  "last_version",
  "time_zone",
]);

function isGiven({ random }: Making, field: DescField, depth: number): boolean {
  if (field.fieldKind === "message" && depth > DEPTH_MAX) return false;
  if (ALWAYS.has(field.name) || field.name.endsWith("_id")) return true;
  // A part of a usage must not exceed its total, so most of the parts are left out.
  const isPart = field.parent.name === "Usage" && !["input_tokens", "output_tokens"].includes(field.name);
  if (isPart || SELDOM.has(field.name)) return random.below(8) === 0;
  return random.below(3) > 0;
}

function makeField(making: Making, field: DescField, depth: number): unknown {
  switch (field.fieldKind) {
    case "scalar":
      return makeScalar(making, field.scalar, field.name);
    case "enum":
      return isOdd(making)
        ? making.random.pick(ENUMS)
        : making.random.pick(field.enum.values.map((value) => value.number));
    case "message":
      return makeChild(making, field.message, field.name, depth);
    case "map":
      return {};
    case "list":
      return makeList(making, field, depth);
    default: {
      const unreachable: never = field;
      return unreachable;
    }
  }
}

function makeList(making: Making, field: DescField & { fieldKind: "list" }, depth: number): unknown[] {
  const { random } = making;
  const makeOne = (): unknown => {
    if (field.listKind === "scalar") return makeScalar(making, field.scalar, field.name);
    if (field.listKind === "enum") return random.pick(field.enum.values.map((value) => value.number));
    return makeChild(making, field.message, field.name, depth);
  };
  if (depth === 0 && isOdd(making) && random.below(4) === 0) {
    return Array.from({ length: random.pick(BATCH_SIZES) }, makeOne);
  }
  return Array.from({ length: random.below(4) }, makeOne);
}

function makeChild(making: Making, desc: DescMessage, name: string, depth: number): unknown {
  const { random } = making;
  switch (desc.typeName) {
    case "google.protobuf.Struct":
      return makeStruct(making, name);
    case "google.protobuf.FieldMask":
      return { paths: makePaths(making) };
    case "google.protobuf.Timestamp":
    case "google.protobuf.Duration":
      return isOdd(making)
        ? { seconds: random.pick(SECONDS), nanos: random.pick(NANOS) }
        : { seconds: BigInt(random.below(name === "ttl" ? 600 : 2_000_000_000)), nanos: 0 };
    default:
      return makeMessage(making, desc, depth + 1);
  }
}

const CHANGEABLE = ["total_budget_nano_usd", "period", "parent", "model_limits"];

function makePaths(making: Making): string[] {
  const paths = CHANGEABLE.filter(() => making.random.below(3) === 0);
  if (isOdd(making)) paths.push(making.random.pick(MASK_PATHS));
  return paths.length === 0 ? ["total_budget_nano_usd"] : paths;
}

function makeScalar(making: Making, type: ScalarType, name: string): unknown {
  const { random } = making;
  switch (type) {
    case ScalarType.STRING:
      return isOdd(making) ? oddText(random, name) : plainText(making, name);
    case ScalarType.BOOL:
      return random.below(2) === 0;
    case ScalarType.BYTES:
      return Uint8Array.from({ length: random.below(100) }, () => random.below(256));
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return isOdd(making) ? random.pick(DOUBLES) : random.below(100) / 4;
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      if (isOdd(making)) return random.pick(INT64S);
      return BigInt(name.startsWith("total_budget") ? 10 ** 12 : random.below(name === "per" ? 100 : 2000));
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return BigInt(random.below(2000));
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return isOdd(making) ? random.pick(INT32S) : 1 + random.below(20);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return random.below(2000);
    default: {
      const unreachable: never = type;
      return unreachable;
    }
  }
}

function plainText({ random, world }: Making, name: string): string {
  if (name === "project") return random.pick(world.projects);
  if (name === "user" || name === "parent") return random.pick(world.users);
  if (name.includes("model")) return random.pick(MODELS);
  switch (name) {
    case "request_id":
      return random.below(3) === 0 ? world.recallText(random, "requestId") : world.newRequestId();
    case "reservation_id":
      return random.below(3) === 0 ? "" : world.recallText(random, "reservationId");
    case "page_token":
      return world.recallText(random, "nextPageToken");
    case "time_zone":
      return random.pick(["UTC", "Europe/Berlin", "Asia/Kathmandu"]);
    case "dimension":
      return random.pick(["input", "output", "images", "requests"]);
    case "usd":
      return random.pick(["0.15", "0", "2", "0.000001"]);
    case "user_prefix":
      return random.pick(["", "user-", "\uFEFF"]);
    default:
      return random.pick(["hello world", "it is sunny in San Francisco 😀", ""]);
  }
}

const chat = { role: "user", content: "hello world" };
const tool = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };

function makeStruct(making: Making, name: string): JsonObject {
  const { random } = making;
  if (isOdd(making)) return oddStruct(random);
  if (name === "messages") return { ...chat, content: random.pick(["hi", "hello world", "😀"]) };
  if (name === "tools") return tool;
  return random.pick(Object.values(COMPLETIONS)) as JsonObject;
}

const chatResponse = COMPLETIONS["OpenAI chat completions"];

const oddStruct = (random: Random): JsonObject =>
  random.pick<() => JsonObject>([
    () => ({}),
    () => nested(random.pick([50, 98, 101, 1000])),
    () => ({ ...chatResponse, usage: null }),
    () => ({ ...chatResponse, usage: nested(20) }),
    () => ({ ...chatResponse, usage: { prompt_tokens: -0, completion_tokens: 1e308 } }),
    () => ({ ...chatResponse, model: random.pick(ODD_NAMES) }),
    () => ({
      role: "user",
      content: [
        { type: "text", text: null },
        { type: "image_url", image_url: {} },
      ],
    }),
    () => ({
      role: "user",
      content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(1000)}` } }],
    }),
    () => ({ role: random.pick(ODD_NAMES), content: Array.from({ length: 5000 }, () => "a") }),
    () => ({ type: "function", function: { parameters: nested(30) } }),
    () => Object.fromEntries(ODD_NAMES.map((name) => [name, name])),
    () => ({ usage: Object.fromEntries(Array.from({ length: 2000 }, (_, each) => [`k${each}`, each])) }),
  ])();

const nested = (depth: number): JsonObject => {
  let value: JsonObject = {};
  for (let level = 0; level < depth; level++) value = { a: value };
  return value;
};
