import { invalidField } from "../errors.ts";
import { objectAt, textAt } from "./json.ts";
import type { Encoding } from "./ranks.ts";

/** Counts a text and returns its tokens. Returns 0 if the text is only collected, to be counted later. */
export type CountText = (text: string) => number;

/**
 * The tokens that OpenAI adds for tool definitions in a prompt: for each function, for a list of properties, for each
 * property, for a list of allowed values, for each value, and once at the end. Source: OpenAI's cookbook.
 */
const FUNCTION_TOKENS: Readonly<Record<Encoding, number>> = { o200k_base: 7, cl100k_base: 10 };
const PROPERTIES_TOKENS = 3;
const PROPERTY_TOKENS = 3;
const ENUM_TOKENS = -3;
const ENUM_VALUE_TOKENS = 3;
const END_TOKENS = 12;
const DEPTH_MAX = 100;

/** The tokens of a chat's tool definitions in OpenAI's JSON. Throws INVALID_FIELD with the path in `tools`. */
export function countTools(count: CountText, encoding: Encoding, tools: readonly unknown[]): number {
  if (tools.length === 0) return 0;
  let tokens = END_TOKENS;
  for (const [index, tool] of tools.entries()) {
    tokens += FUNCTION_TOKENS[encoding] + countTool(count, tool, `tools[${index}]`);
  }
  return tokens;
}

function countTool(count: CountText, tool: unknown, path: string): number {
  const fields = objectAt(tool, path);
  // A built-in tool has only a type. The Responses API writes the function without a wrapper.
  const key = ["function", "custom"].find((name) => fields[name] !== undefined);
  const definition = key === undefined ? fields : objectAt(fields[key], `${path}.${key}`);
  const at = key === undefined ? path : `${path}.${key}`;
  if (key === undefined && definition["name"] === undefined)
    return count(textAt(fields["type"], `${path}.type`));
  const name = textAt(definition["name"], `${at}.name`);
  const line = count(`${name}:${sentence(definition["description"], `${at}.description`)}`);
  const { parameters } = definition;
  return line + (parameters === undefined ? 0 : countProperties(count, parameters, `${at}.parameters`, 1));
}

function countProperties(count: CountText, schema: unknown, path: string, depth: number): number {
  if (depth > DEPTH_MAX) throw invalidField(path, `must not be nested deeper than ${DEPTH_MAX}`);
  const { properties } = objectAt(schema, path);
  if (properties === undefined) return 0;
  const entries = Object.entries(objectAt(properties, `${path}.properties`));
  let tokens = entries.length === 0 ? 0 : PROPERTIES_TOKENS;
  for (const [name, property] of entries) {
    tokens += PROPERTY_TOKENS + countProperty(count, name, property, `${path}.properties.${name}`, depth);
  }
  return tokens;
}

function countProperty(
  count: CountText,
  name: string,
  property: unknown,
  path: string,
  depth: number,
): number {
  // JSON Schema allows `true` for "anything".
  if (typeof property === "boolean") return count(name);
  const fields = objectAt(property, path);
  const type = fields["type"] === undefined ? "" : (JSON.stringify(fields["type"]) ?? "").replaceAll('"', "");
  let tokens = count(`${name}:${type}:${sentence(fields["description"], `${path}.description`)}`);
  if (Array.isArray(fields["enum"])) tokens += countEnum(count, fields["enum"]);
  if (fields["properties"] !== undefined) tokens += countProperties(count, fields, path, depth + 1);
  const { items } = fields;
  if (typeof items === "object" && items !== null && !Array.isArray(items)) {
    tokens += countProperties(count, items, `${path}.items`, depth + 1);
  }
  return tokens;
}

function countEnum(count: CountText, values: readonly unknown[]): number {
  let tokens = ENUM_TOKENS;
  for (const value of values) {
    tokens += ENUM_VALUE_TOKENS + count(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
  }
  return tokens;
}

/** A description without its final full stop, which OpenAI drops. */
function sentence(description: unknown, path: string): string {
  if (description === undefined || description === null) return "";
  const text = textAt(description, path);
  return text.endsWith(".") ? text.slice(0, -1) : text;
}
