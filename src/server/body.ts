import type { IncomingMessage } from "node:http";
import { finished } from "node:stream/promises";
import { promisify } from "node:util";
import { brotliDecompress, gunzip } from "node:zlib";
import { Failure, invalidField } from "../domain/errors.ts";
import type { Lease } from "./bytes-in-flight.ts";
import { checkUtf8 } from "./decode.ts";
import type { Dialect } from "./dialect.ts";
import { checkSize } from "./pipeline.ts";

/**
 * Reads the bodies of HTTP requests. The result is one message of bounded size, decompressed, and valid UTF-8 if it is
 * text.
 */

const ENVELOPE_HEAD_BYTES = 5;
const COMPRESSED_FLAG = 1;

/** The client disconnected before its request was complete. */
export class Aborted extends Error {}

/** Reads the message of an RPC. @throws Failure, Aborted */
export async function readMessage(
  request: IncomingMessage,
  dialect: Dialect,
  limits: { bytesMax: number; lease: Lease },
): Promise<Uint8Array> {
  const bytes = dialect.isEnveloped
    ? await readEnvelope(request, dialect, limits)
    : await decompress(dialect.message ?? (await readBody(request, limits)), dialect.encoding, limits);
  if (dialect.isJson) checkUtf8(bytes);
  return bytes;
}

/** Reads the single message of an enveloped body. The format allows several messages; Purser's methods take one. */
async function readEnvelope(
  request: IncomingMessage,
  { encoding }: Dialect,
  limits: { bytesMax: number; lease: Lease },
): Promise<Uint8Array> {
  const body = await readBody(request, { ...limits, headBytes: ENVELOPE_HEAD_BYTES });
  if (body.length < ENVELOPE_HEAD_BYTES) throw invalidField("request", "has no message");
  const length = body.readUInt32BE(1);
  const message = body.subarray(ENVELOPE_HEAD_BYTES);
  if (message.length < length) throw invalidField("request", "ends in the middle of a message");
  if (message.length > length) throw invalidField("request", "must be one message");
  const isCompressed = ((body[0] ?? 0) & COMPRESSED_FLAG) !== 0;
  return decompress(message, isCompressed ? encoding : undefined, limits);
}

/**
 * Reads a body. A body that is too large is not kept in memory. It is refused at once if a header declares its length,
 * and otherwise after all of it was counted. If this throws before the end of the body, the caller must drain the rest.
 *
 * @param limits.headBytes The length of the head before the message. The last 4 bytes of the head are the length of the
 * message.
 * @throws INVALID_FIELD, OVERLOADED, Aborted
 */
export async function readBody(
  request: IncomingMessage,
  limits: { bytesMax: number; lease: Lease; headBytes?: number },
): Promise<Buffer> {
  const { bytesMax, lease, headBytes = 0 } = limits;
  const declared = Number(request.headers["content-length"] ?? 0);
  checkSize(declared - headBytes, bytesMax);
  // Takes the room for all of it at once. Otherwise many large bodies would each arrive in part, and all be refused.
  lease.take(declared);
  let body: Buffer = NOTHING;
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (bytes + chunk.length - headBytes > bytesMax) {
        // The body will be refused. The rest is only counted, for the error text.
        lease.release();
        body = NOTHING;
      } else {
        body = appended(body, bytes, chunk, { declared, lease, capacityMax: bytesMax + headBytes });
        if (bytes < headBytes && bytes + chunk.length >= headBytes)
          checkSize(body.readUInt32BE(headBytes - 4), bytesMax);
      }
      bytes += chunk.length;
    }
  } catch (error) {
    throw request.errored === null ? error : new Aborted("the client disconnected", { cause: error });
  }
  checkSize(bytes - headBytes, bytesMax);
  return body.subarray(0, bytes);
}

/**
 * Drains the rest of a refused request. Otherwise a client that sends its whole request before it reads, or that does
 * not keep its connection alive, would be disconnected before it reads the answer.
 */
export async function dropRest(request: IncomingMessage): Promise<void> {
  request.resume();
  await finished(request, { writable: false }).catch(() => {});
}

const NOTHING = Buffer.alloc(0);

/**
 * Appends a chunk. Chunks are copied into one buffer because many small chunks would use many times the memory of their
 * content. The lease counts what the buffer takes, except for the declared length, which it has counted already.
 *
 * @throws OVERLOADED
 */
function appended(
  body: Buffer,
  bytes: number,
  chunk: Buffer,
  { declared, lease, capacityMax }: { declared: number; lease: Lease; capacityMax: number },
): Buffer {
  if (bytes === 0 && chunk.length >= declared) {
    lease.take(chunk.length - declared);
    return chunk;
  }
  let grown = body;
  if (bytes + chunk.length > body.length) {
    grown = Buffer.allocUnsafe(Math.max(bytes + chunk.length, declared, Math.min(2 * bytes, capacityMax)));
    lease.take(grown.length - Math.max(body.length, declared));
    body.copy(grown, 0, 0, bytes);
  }
  chunk.copy(grown, bytes);
  return grown;
}

const tooMany = (bytesMax: number): Failure =>
  invalidField("request", `is more than the ${bytesMax} bytes allowed`);

type Decompress = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

const DECOMPRESSIONS: Readonly<Record<string, Decompress>> = {
  gzip: promisify(gunzip),
  br: promisify(brotliDecompress),
};

/** Decompresses at most `bytesMax` bytes, to bound the memory. @throws INVALID_FIELD, OVERLOADED */
async function decompress(
  bytes: Uint8Array,
  encoding: string | undefined,
  { bytesMax, lease }: { bytesMax: number; lease: Lease },
): Promise<Uint8Array> {
  if (encoding === undefined || encoding === "identity") return bytes;
  const run = DECOMPRESSIONS[encoding];
  if (run === undefined) {
    const known = Object.keys(DECOMPRESSIONS).join(" or ");
    throw invalidField("request", `is compressed with ${JSON.stringify(encoding)}; it must be ${known}`);
  }
  try {
    const whole = await run(bytes, { maxOutputLength: bytesMax });
    lease.take(whole.length);
    return whole;
  } catch (error) {
    throw undecompressible(error, bytesMax);
  }
}

function undecompressible(error: unknown, bytesMax: number): unknown {
  if (error instanceof Failure) return error;
  return (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
    ? tooMany(bytesMax)
    : invalidField("request", `cannot be decompressed: ${(error as Error).message}`);
}
