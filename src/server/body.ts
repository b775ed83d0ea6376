import type { IncomingMessage } from "node:http";
import { finished } from "node:stream/promises";
import { promisify } from "node:util";
import { brotliDecompress, gunzip } from "node:zlib";
import { Failure, invalidField } from "../domain/errors.ts";
import type { Lease } from "./bytes-in-flight.ts";
import { checkUtf8 } from "./decode.ts";
import type { Dialect } from "./dialect.ts";
import { checkSize } from "./pipeline.ts";

/** Reads the bodies of HTTP requests. What comes out is one message: bounded, decompressed, and UTF-8 where it is text. */

const ENVELOPE_HEAD_BYTES = 5;
const COMPRESSED_FLAG = 1;

/** The client went away before its request was whole. */
export class Aborted extends Error {}

/** The whole message of an RPC. @throws Failure, Aborted */
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

/** The one message of a body that could have several. */
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
 * The whole body. One that is too large is refused without being kept: at once where it says how large it is, else when all of
 * it was counted. Where this throws before the end, the caller drops the rest.
 *
 * @param limits.headBytes Come before the message, and end with its length.
 * @throws INVALID_FIELD, OVERLOADED, Aborted
 */
export async function readBody(
  request: IncomingMessage,
  limits: { bytesMax: number; lease: Lease; headBytes?: number },
): Promise<Buffer> {
  const { bytesMax, lease, headBytes = 0 } = limits;
  const declared = Number(request.headers["content-length"] ?? 0);
  checkSize(declared - headBytes, bytesMax);
  let body: Buffer = NOTHING;
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (bytes + chunk.length - headBytes > bytesMax) {
        // From here on, only its size is of interest.
        lease.release();
        body = NOTHING;
      } else {
        lease.take(chunk.length);
        body = bytes === 0 ? chunk : appended(body, bytes, chunk);
        if (bytes < headBytes && bytes + chunk.length >= headBytes)
          checkSize(body.readUInt32BE(headBytes - 4), bytesMax);
      }
      bytes += chunk.length;
    }
  } catch (error) {
    throw request.errored === null ? error : new Aborted("the client went away", { cause: error });
  }
  checkSize(bytes - headBytes, bytesMax);
  return body.subarray(0, bytes);
}

/**
 * Reads and drops what is left of a request that was refused. A client that sends it all before it reads, or that does not keep its
 * connection, would else be cut off before it sees the answer.
 */
export async function dropRest(request: IncomingMessage): Promise<void> {
  request.resume();
  await finished(request, { writable: false }).catch(() => {});
}

const NOTHING = Buffer.alloc(0);

/** Chunks are copied together, since many small ones would take many times the memory of what they hold. */
function appended(body: Buffer, bytes: number, chunk: Buffer): Buffer {
  let grown = body;
  if (bytes + chunk.length > body.length) {
    grown = Buffer.allocUnsafe(Math.max(bytes + chunk.length, 2 * bytes, 4096));
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

/** Never makes more than `bytesMax` of what comes. @throws INVALID_FIELD, OVERLOADED */
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
