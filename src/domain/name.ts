import { invalidField } from "./errors.ts";

/** The longest name of a project, a user or a model, in bytes of UTF-8. */
export const NAME_BYTES_MAX = 256;

// C0, DEL and C1: they cannot be seen, and they separate the parts of keys.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

// PGlite takes it for a byte order mark at the beginning of a text, and drops it: two names would become one.
const BYTE_ORDER_MARK = "\ufeff";

/**
 * A project, user or model: 1 to 256 bytes of UTF-8 without control characters, which do not begin with U+FEFF.
 *
 * @throws INVALID_FIELD
 */
export const checkName = (field: string, name: string): string => {
  if (name === "") throw invalidField(field, "is required");
  return checkText(field, name, NAME_BYTES_MAX);
};

/** Up to `bytesMax` bytes of UTF-8 without control characters, which do not begin with U+FEFF. @throws INVALID_FIELD */
export function checkText(field: string, text: string, bytesMax: number): string {
  // A string has at least one byte a character: a huge one is not encoded to find that out.
  const bytes = text.length > bytesMax ? text.length : Buffer.byteLength(text);
  if (bytes > bytesMax) throw invalidField(field, `must be at most ${bytesMax} bytes of UTF-8`);
  if (!text.isWellFormed()) throw invalidField(field, "must be valid Unicode");
  if (CONTROL.test(text)) throw invalidField(field, "must not contain control characters");
  if (text.startsWith(BYTE_ORDER_MARK)) {
    throw invalidField(field, "must not begin with U+FEFF, the byte order mark");
  }
  return text;
}
