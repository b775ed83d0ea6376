import { invalidField } from "./errors.ts";

/** The longest name of a project, a user or a model, in bytes of UTF-8. */
export const NAME_BYTES_MAX = 256;

// The C0, DEL and C1 control characters: they are invisible, and they separate the parts of keys.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

// PGlite drops it at the beginning of a text, as a byte order mark: two names would become one.
const BYTE_ORDER_MARK = "\ufeff";

/**
 * Checks the name of a project, user or model: 1 to 256 bytes of UTF-8 without control characters, not beginning with U+FEFF.
 *
 * @throws INVALID_FIELD
 */
export const checkName = (field: string, name: string): string => {
  if (name === "") throw invalidField(field, "is required");
  return checkText(field, name, NAME_BYTES_MAX);
};

/** Whether a value from elsewhere is a name. */
export function isName(value: unknown): value is string {
  if (typeof value !== "string") return false;
  try {
    checkName("name", value);
    return true;
  } catch {
    return false;
  }
}

/** Checks a text: up to `bytesMax` bytes of UTF-8 without control characters, not beginning with U+FEFF. @throws INVALID_FIELD */
export function checkText(field: string, text: string, bytesMax: number): string {
  // A character has at least one byte of UTF-8, so a huge text is refused without encoding it.
  const bytes = text.length > bytesMax ? text.length : Buffer.byteLength(text);
  if (bytes > bytesMax) throw invalidField(field, `must be at most ${bytesMax} bytes of UTF-8`);
  if (!text.isWellFormed()) throw invalidField(field, "must be valid Unicode");
  if (CONTROL.test(text)) throw invalidField(field, "must not contain control characters");
  if (text.startsWith(BYTE_ORDER_MARK)) {
    throw invalidField(field, "must not begin with U+FEFF, the byte order mark");
  }
  return text;
}
