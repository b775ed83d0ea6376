import { isObject, type JsonObject, objectAt, omit, textAt } from "./json.ts";

/**
 * A request's prompt as messages that the server can count, whatever they hold: text and images count as what they are,
 * anything else as the text of its JSON, which is more than a provider makes of it.
 */

/** More of a file's base64 says nothing: its tokens are more than a context holds. */
const DATA_CHARACTERS_MAX = 256 * 1024;
/** A picture's size is in its first bytes. */
const IMAGE_CHARACTERS_MAX = 128 * 1024;

/** A message: its text and images, and all its other fields as text. */
export function messageOf(message: unknown, fallbackRole = "user"): JsonObject {
  if (!isObject(message)) return { role: fallbackRole, content: textOf(message) };
  const content = message["content"];
  const rest = omit(message, ["role", "content", "type"]);
  const role = textAt(message, "role") || fallbackRole;
  if (typeof content === "string" && Object.keys(rest).length === 0) return { role, content };
  return { role, content: [...partsOf(content), ...extra(rest)] };
}

/** What goes into a prompt beside the messages: tools, the schema of the answer. No message where there is none of it. */
export const settingsMessage = (settings: JsonObject): JsonObject[] =>
  Object.keys(settings).length === 0 ? [] : [{ role: "system", content: textOf(settings) }];

/** Any JSON value as the text to count. */
export const textOf = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value, shortened) ?? "");

const extra = (rest: JsonObject): JsonObject[] => (Object.keys(rest).length === 0 ? [] : [textPart(rest)]);

const textPart = (value: unknown): JsonObject => ({ type: "text", text: textOf(value) });

function partsOf(content: unknown): JsonObject[] {
  if (content === undefined || content === null) return [];
  return Array.isArray(content) ? content.flatMap(partOf) : [textPart(content)];
}

function partOf(part: unknown): JsonObject[] {
  if (!isObject(part)) return [textPart(part)];
  const url = imageUrl(part);
  if (url !== undefined)
    return [imagePart(url, textAt(part, "detail") || textAt(part["image_url"], "detail"))];
  if (typeof part["text"] === "string" && /^(?:input_|output_)?text$/.test(textAt(part, "type"))) {
    return [textPart(part["text"])];
  }
  // Results of tools have parts of their own, with images among them.
  if (Array.isArray(part["content"])) return [textPart(omit(part, ["content"])), ...partsOf(part["content"])];
  return [textPart(part)];
}

const imagePart = (url: string, detail: string): JsonObject => ({
  type: "image_url",
  image_url: { url: url.slice(0, IMAGE_CHARACTERS_MAX), ...(detail === "" ? {} : { detail }) },
});

/** The address or the data of an image in the form of any provider; undefined for a part that is none. */
function imageUrl(part: JsonObject): string | undefined {
  const type = part["type"];
  if (type === "image_url") return textAt(part["image_url"], "url") || textAt(part, "image_url") || "image:";
  if (type === "input_image") return textAt(part, "image_url") || "image:";
  if (type !== "image") return undefined;
  const source = objectAt(part, "source");
  const data = textAt(source, "data");
  return data === "" ? "image:" : `data:${textAt(source, "media_type")};base64,${data}`;
}

/** For JSON.stringify: long values without any space are data, and are cut. */
const shortened = (_key: string, value: unknown): unknown =>
  typeof value === "string" && value.length > DATA_CHARACTERS_MAX && !/\s/.test(value.slice(0, 1024))
    ? value.slice(0, DATA_CHARACTERS_MAX)
    : value;
