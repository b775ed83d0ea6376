import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { Answer, Way } from "./input.ts";

/** The outcome that an answer reports, read by the rules of its transport. */
export interface Outcome {
  isOk: boolean;
  /** The number of the gRPC code. Absent for plain HTTP. */
  code?: number;
  message: string;
  /** The total size of the error details, in bytes. */
  detailsBytes: number;
  /** The bytes of the first message, if there is one. */
  payload?: Buffer;
}

type Answered = Answer & { kind: "answered" };

/** Codes by Connect's names. */
const CODES = [
  "ok",
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
];

export const codeName = (code: number): string => CODES[code] ?? String(code);

/** The answer breaks the rules of its transport. */
export class Improper extends Error {}

/**
 * Reads the outcome of an answer.
 * @throws Improper
 */
export function readOutcome(answer: Answered, way: Way): Outcome {
  const type = answer.headers.get("content-type") ?? "";
  if (way === "gRPC") return readGrpc(answer);
  if (type.startsWith("application/grpc-web")) return readGrpcWeb(answer, type);
  if (type.startsWith("application/connect+")) return readConnectStream(answer);
  return readPlain(answer, way);
}

function readGrpc(answer: Answered): Outcome {
  const status = answer.headers.get("grpc-status");
  const frames = readFrames(answer.body, answer.headers.get("grpc-encoding"));
  if (status === undefined) {
    // The first message of an open stream, or an HTTP answer to an input that is not a gRPC call.
    if (frames[0] !== undefined)
      return { isOk: true, code: 0, message: "", detailsBytes: 0, payload: frames[0].bytes };
    if (answer.status === 200) throw new Improper("HTTP 200 without grpc-status");
    return readPlain(answer, "HTTP");
  }
  const code = Number(status);
  const details = Buffer.from(answer.headers.get("grpc-status-details-bin") ?? "", "base64");
  const message = decodeURIComponent(answer.headers.get("grpc-message") ?? "");
  return { isOk: code === 0, code, message, detailsBytes: details.length, payload: frames[0]?.bytes };
}

const TRAILERS_FLAG = 0x80;

function readGrpcWeb(answer: Answered, type: string): Outcome {
  const isText = type.startsWith("application/grpc-web-text");
  const body = isText ? fromBase64(answer.body) : answer.body;
  const frames = readFrames(body, answer.headers.get("grpc-encoding"));
  const payload = frames.find(({ flags }) => (flags & TRAILERS_FLAG) === 0)?.bytes;
  const trailer = frames.find(({ flags }) => (flags & TRAILERS_FLAG) !== 0)?.bytes;
  const trailers = new Map(
    (trailer?.toString() ?? "").split("\r\n").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const status = trailers.get("grpc-status") ?? answer.headers.get("grpc-status");
  if (status === undefined && payload === undefined) throw new Improper("gRPC-Web without a status");
  const from = trailers.has("grpc-status") ? trailers : answer.headers;
  const code = Number(status ?? 0);
  const details = Buffer.from(from.get("grpc-status-details-bin") ?? "", "base64");
  return {
    isOk: code === 0,
    code,
    message: decodeURIComponent(from.get("grpc-message") ?? ""),
    detailsBytes: details.length,
    payload,
  };
}

/** Base64 in several pieces, each of which may have padding. */
const fromBase64 = (body: Buffer): Buffer =>
  Buffer.concat(
    (body.toString("latin1").match(/[^=]+=*/g) ?? []).map((piece) => Buffer.from(piece, "base64")),
  );

const END_FLAG = 2;

function readConnectStream(answer: Answered): Outcome {
  const frames = readFrames(answer.body, answer.headers.get("connect-content-encoding"));
  const payload = frames.find(({ flags }) => (flags & END_FLAG) === 0)?.bytes;
  const end = frames.find(({ flags }) => (flags & END_FLAG) !== 0)?.bytes;
  if (payload === undefined && end === undefined) throw new Improper("a stream without a message or an end");
  const { error } = JSON.parse((end ?? Buffer.from("{}")).toString()) as { error?: ErrorJson };
  if (error === undefined) return { isOk: true, code: 0, message: "", detailsBytes: 0, payload };
  return { ...readError(error), payload };
}

interface ErrorJson {
  code: string;
  message?: string;
  details?: { value: string }[];
}

function readError({ code, message = "", details = [] }: ErrorJson): Outcome {
  const number = CODES.indexOf(code);
  if (number < 1) throw new Improper(`an error with the code ${code}`);
  const detailsBytes = details.reduce((sum, { value }) => sum + Buffer.from(value, "base64").length, 0);
  return { isOk: false, code: number, message, detailsBytes };
}

/** Connect's unary calls, the legacy routes, and every other HTTP answer. */
function readPlain(answer: Answered, way: Way): Outcome {
  const { status, headers } = answer;
  const type = headers.get("content-type") ?? "";
  const body = decompress(answer.body, headers.get("content-encoding"));
  if (status === 0) throw new Improper("no status of HTTP");
  if (status < 400) {
    if (type === "application/json" && body.length > 0) JSON.parse(body.toString());
    return { isOk: true, message: "", detailsBytes: 0, payload: body };
  }
  // The answer to HEAD has the headers of a body, and no body.
  if (type !== "application/json" || body.length === 0)
    return { isOk: false, message: body.toString(), detailsBytes: 0 };
  const json = JSON.parse(body.toString()) as ErrorJson;
  if (way.startsWith("Connect") && json.code !== undefined) return readError(json);
  return { isOk: false, message: body.toString(), detailsBytes: 0 };
}

const decompress = (bytes: Buffer, encoding: string | undefined): Buffer => {
  if (encoding === "gzip") return gunzipSync(bytes);
  return encoding === "br" ? brotliDecompressSync(bytes) : bytes;
};

const PREFIX_BYTES = 5;

function readFrames(body: Buffer, encoding: string | undefined): { flags: number; bytes: Buffer }[] {
  const frames: { flags: number; bytes: Buffer }[] = [];
  for (let position = 0; position + PREFIX_BYTES <= body.length; ) {
    const flags = body.readUInt8(position);
    const end = position + PREFIX_BYTES + body.readUInt32BE(position + 1);
    if (end > body.length) throw new Improper("a frame that is longer than the body");
    const bytes = body.subarray(position + PREFIX_BYTES, end);
    frames.push({ flags, bytes: (flags & 1) === 0 ? bytes : decompress(bytes, encoding) });
    position = end;
  }
  return frames;
}
