import { invalidField } from "../domain/errors.ts";
import type { CountJob } from "./tokens.ts";

export const TEXT_BYTES_MAX = 4 * 1024 * 1024;

/** The bytes of text in a job. Throws INVALID_FIELD for more than 4 MiB in one field. */
export function jobBytes(job: CountJob): number {
  if ("text" in job) return checkedBytes("text", Buffer.byteLength(job.text));
  return (
    checkedBytes("messages", textBytes(job.messages)) + checkedBytes("tools", textBytes(job.tools ?? []))
  );
}

function checkedBytes(field: string, bytes: number): number {
  if (bytes <= TEXT_BYTES_MAX) return bytes;
  throw invalidField(field, `has ${bytes} bytes of text, more than ${TEXT_BYTES_MAX}`);
}

/** The bytes of all strings in a JSON value. Deeper nesting is ignored here: counting refuses it. */
function textBytes(value: unknown, depth = 0): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (typeof value !== "object" || value === null || depth > 200) return 0;
  let bytes = 0;
  for (const item of Array.isArray(value) ? value : Object.values(value)) bytes += textBytes(item, depth + 1);
  return bytes;
}
