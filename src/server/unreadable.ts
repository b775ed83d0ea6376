import type { DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Compression, encodeEnvelope, type UniversalServerResponse } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorFromJsonBytes, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { type BudgetError, invalidField } from "../domain/errors.ts";
import { toConnectError } from "./status.ts";

/** What requests may be, and responses are, compressed with. */
export const COMPRESSIONS: readonly Compression[] = [compressionGzip, compressionBrotli];

/**
 * Requests that cannot be read never reach the pipeline: Connect answers them, with a message and nothing else. This
 * gives those answers the code and the details that every error of ours has.
 */
export async function explainUnreadable(
  response: UniversalServerResponse,
  input: DescMessage,
): Promise<UniversalServerResponse> {
  const type = response.header?.get("content-type") ?? "";
  if (type.startsWith("application/grpc-web")) return explainGrpcWeb(response, input);
  return response.status >= 400 && type === "application/json" ? explainConnect(response, input) : response;
}

async function explainConnect(
  response: UniversalServerResponse,
  input: DescMessage,
): Promise<UniversalServerResponse> {
  const bytes = await collect(response.body);
  const json = await decompress(bytes, response.header?.get("content-encoding"));
  const error = explain(errorFromJsonBytes(json, undefined, new ConnectError("", Code.Unknown)), input);
  if (error === undefined) return { ...response, body: once(bytes) };
  const body = errorToJsonBytes(toConnectError(error), undefined);
  const header = new Headers(response.header);
  header.delete("content-encoding");
  header.set("content-length", String(body.length));
  return { ...response, status: codeToHttpStatus(toConnectError(error).code), header, body: once(body) };
}

// Connect's errors may quote a request, which is far smaller.
const ERROR_BYTES_MAX = 2 ** 30;
const ENVELOPE_HEAD_BYTES = 5;
const COMPRESSED_FLAG = 1;

/** gRPC-Web answers with HTTP 200 whatever happens; an error is a body of one frame, the trailers. */
async function explainGrpcWeb(
  response: UniversalServerResponse,
  input: DescMessage,
): Promise<UniversalServerResponse> {
  const bytes = await collect(response.body);
  const flags = bytes[0] ?? 0;
  if ((flags & trailerFlag) === 0) return { ...response, body: once(bytes) };
  const encoding = (flags & COMPRESSED_FLAG) === 0 ? undefined : response.header?.get("grpc-encoding");
  const trailer = trailerParse(await decompress(bytes.subarray(ENVELOPE_HEAD_BYTES), encoding));
  const given = findTrailerError(trailer);
  const error = given && explain(given, input);
  if (error === undefined) return { ...response, body: once(bytes) };
  const status = trailerSerialize(setTrailerStatus(new Headers(), toConnectError(error)));
  return { ...response, body: once(encodeEnvelope(trailerFlag, status)) };
}

/** Whatever has details is ours already. */
function explain({ code, rawMessage, details }: ConnectError, input: DescMessage): BudgetError | undefined {
  if (details.length > 0) return undefined;
  if (code === Code.InvalidArgument) return invalidField(fieldIn(rawMessage, input), rawMessage).error;
  // What Connect says of a body above its limit, and of bytes that are no protobuf.
  const isUnreadable =
    code === Code.ResourceExhausted || (code === Code.Internal && rawMessage.startsWith("parse binary: "));
  return isUnreadable ? invalidField("request", rawMessage).error : undefined;
}

/** The longest key of a caller that becomes part of the path of a field. */
const KEY_CHARACTERS_MAX = 100;

/**
 * protobuf-es names the field by its message, as in `budget.v1.Period.count`, or says which key of a message, or which
 * value of an enum, it does not know; callers know fields by their path.
 */
function fieldIn(message: string, input: DescMessage): string {
  const known = /field ((?:\w+\.)+[A-Z]\w*)\.(\w+)/.exec(message);
  const unknown = /message ([\w.]+) from JSON: key "(\w+)"/.exec(message);
  const [, typeName, named = ""] = known ?? unknown ?? [];
  const name = named.length > KEY_CHARACTERS_MAX ? undefined : named;
  const [, enumName] = /enum ([\w.]+) from JSON/.exec(message) ?? [];
  const nameIn = (type: DescMessage): string | undefined =>
    type.typeName === typeName
      ? name
      : type.fields.find((field) => field.enum !== undefined && field.enum.typeName === enumName)?.name;
  return pathTo(input, nameIn, new Set()) ?? "request";
}

/** The path to the first message, seen from the request, in which `nameIn` finds the field. */
function pathTo(
  from: DescMessage,
  nameIn: (type: DescMessage) => string | undefined,
  seen: Set<DescMessage>,
): string | undefined {
  const name = nameIn(from);
  if (name !== undefined) return name;
  seen.add(from);
  for (const step of from.fields) {
    if (step.message === undefined || seen.has(step.message)) continue;
    const rest = pathTo(step.message, nameIn, seen);
    if (rest !== undefined) return `${step.name}.${rest}`;
  }
  return undefined;
}

async function collect(body: UniversalServerResponse["body"]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const decompress = (
  bytes: Uint8Array,
  encoding: string | null | undefined,
): Promise<Uint8Array> | Uint8Array =>
  COMPRESSIONS.find(({ name }) => name === encoding)?.decompress(bytes, ERROR_BYTES_MAX) ?? bytes;

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
