import type { DescMessage } from "@bufbuild/protobuf";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { type BudgetError, invalidField } from "../domain/errors.ts";
import { toConnectError } from "./status.ts";

/**
 * Requests that cannot be read never reach the pipeline: Connect answers them, with a message and nothing else. This
 * gives those answers the details that every error of ours has.
 */
export async function explainUnreadable(
  response: UniversalServerResponse,
  input: DescMessage,
): Promise<UniversalServerResponse> {
  if (response.status < 400 || response.header?.get("content-type") !== "application/json") return response;
  const bytes = await collect(response.body);
  const error = explain(bytes, input);
  if (error === undefined) return { ...response, body: once(bytes) };
  const body = errorToJsonBytes(toConnectError(error), undefined);
  const header = new Headers(response.header);
  header.set("content-length", String(body.length));
  return { ...response, status: codeToHttpStatus(toConnectError(error).code), header, body: once(body) };
}

function explain(bytes: Uint8Array, input: DescMessage): BudgetError | undefined {
  const { code, message, details } = JSON.parse(new TextDecoder().decode(bytes)) as {
    code?: string;
    message?: string;
    details?: unknown[];
  };
  if (details !== undefined) return undefined;
  if (code === "invalid_argument") {
    const description = message ?? "cannot be read";
    return invalidField(fieldIn(description, input), description).error;
  }
  // What Connect says of a body above its limit.
  if (code === "resource_exhausted") {
    return invalidField("request", message ?? "is too large").error;
  }
  return undefined;
}

/** protobuf-es names the field by its message, as in `budget.v1.Period.count`; callers know it by its path. */
function fieldIn(message: string, input: DescMessage): string {
  const [, typeName = "", field = ""] = /field ((?:\w+\.)+[A-Z]\w*)\.(\w+)/.exec(message) ?? [];
  return pathTo(input, typeName, field, new Set()) ?? "request";
}

function pathTo(
  from: DescMessage,
  typeName: string,
  field: string,
  seen: Set<DescMessage>,
): string | undefined {
  if (from.typeName === typeName) return field;
  seen.add(from);
  for (const step of from.fields) {
    if (step.message === undefined || seen.has(step.message)) continue;
    const rest = pathTo(step.message, typeName, field, seen);
    if (rest !== undefined) return `${step.name}.${rest}`;
  }
  return undefined;
}

async function collect(body: UniversalServerResponse["body"]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
