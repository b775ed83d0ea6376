import { isObject, type JsonObject, objectAt, omit, textAt } from "./json.ts";

/**
 * Converts a request's prompt to messages that the server can count. Text and images stay text and images. Anything
 * else becomes the text of its JSON, which has more tokens than the provider bills.
 */

/** The maximum length of base64 data: with more, the prompt is longer than any context. */
const DATA_CHARACTERS_MAX = 256 * 1024;
/** The length of an image that is sent: its size is in its first bytes. */
const IMAGE_CHARACTERS_MAX = 128 * 1024;

/** A message with its text and images. All its other fields become text. */
export function messageOf(message: unknown, fallbackRole = "user"): JsonObject {
  if (!isObject(message)) return { role: fallbackRole, content: textOf(message) };
  const content = message["content"];
  const rest = omit(message, ["role", "content", "type"]);
  const role = textAt(message, "role") || fallbackRole;
  if (typeof content === "string" && Object.keys(rest).length === 0) return { role, content };
  return { role, content: [...partsOf(content), ...extra(rest)] };
}

/** A message with the rest of the prompt, such as tools and the answer's schema. Empty if there is none. */
export const settingsMessage = (settings: JsonObject): JsonObject[] =>
  Object.keys(settings).length === 0 ? [] : [{ role: "system", content: textOf(settings) }];

/** Any JSON value as text to be counted. */
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
  // Tool results have their own content parts, which may be images.
  if (Array.isArray(part["content"])) return [textPart(omit(part, ["content"])), ...partsOf(part["content"])];
  return [textPart(part)];
}

const imagePart = (url: string, detail: string): JsonObject => ({
  type: "image_url",
  image_url: { url: url.slice(0, IMAGE_CHARACTERS_MAX), ...(detail === "" ? {} : { detail }) },
});

/** The URL or data of an image part in any provider's form. Undefined if the part is not an image. */
function imageUrl(part: JsonObject): string | undefined {
  const type = part["type"];
  if (type === "image_url") return textAt(part["image_url"], "url") || textAt(part, "image_url") || "image:";
  if (type === "input_image") return textAt(part, "image_url") || "image:";
  if (type !== "image") return undefined;
  const source = objectAt(part, "source");
  const data = textAt(source, "data");
  return data === "" ? "image:" : `data:${textAt(source, "media_type")};base64,${data}`;
}

/** A replacer for JSON.stringify. It cuts long values without spaces, because they are data. */
const shortened = (_key: string, value: unknown): unknown =>
  typeof value === "string" && value.length > DATA_CHARACTERS_MAX && !/\s/.test(value.slice(0, 1024))
    ? value.slice(0, DATA_CHARACTERS_MAX)
    : value;
