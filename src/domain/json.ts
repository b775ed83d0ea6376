/** A JSON object. Its members may be any values. */
export type Json = Readonly<Record<string, unknown>>;

/**
 * Whether a value is an object, not null and not a list. A caller with only JSON values may set `Member` to JsonValue.
 */
export const isObject = <Member = unknown>(value: unknown): value is Readonly<Record<string, Member>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const SHOWN_CHARACTERS_MAX = 40;

/** A value as a short text for a message. Objects and lists may be deep, so their contents are not read. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(
    value.length <= SHOWN_CHARACTERS_MAX
      ? value
      : `${value.slice(0, SHOWN_CHARACTERS_MAX).toWellFormed()}...`,
  );
}
