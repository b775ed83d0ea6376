import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import type { Random } from "../support/run.ts";

/** A body as it is sent, and the encoding that its header claims. */
export interface Compressed {
  what: string;
  encoding: string;
  bytes: Buffer;
}

const BOMB_BYTES = 2 ** 30;
const PIECE_BYTES = 2 ** 24;

let bomb: Buffer | undefined;

/** A megabyte of gzip that expands to a gigabyte of zeros: gzip members of 16 MiB, one after another. */
function gzipBomb(): Buffer {
  bomb ??= Buffer.concat(
    Array.from({ length: BOMB_BYTES / PIECE_BYTES }).fill(gzipSync(Buffer.alloc(PIECE_BYTES))) as Buffer[],
  );
  return bomb;
}

// Larger than a request may be, but within what the transports read before the pipeline checks the size.
const LARGE_BYTES = 10_000_000;
let large: Buffer | undefined;

const garbage = (random: Random): Buffer => Buffer.from(Array.from({ length: 200 }, () => random.below(256)));

const compressions: readonly ((body: Buffer, random: Random) => Compressed)[] = [
  (body) => ({ what: "gzip", encoding: "gzip", bytes: gzipSync(body) }),
  (body) => ({ what: "gzip", encoding: "gzip", bytes: gzipSync(body) }),
  (body) => ({ what: "Brotli", encoding: "br", bytes: brotliCompressSync(body, FAST) }),
  (body) => ({ what: "deflate", encoding: "deflate", bytes: deflateSync(body) }),
  (body) => ({ what: "identity", encoding: "identity", bytes: body }),
  (body) => ({ what: "an unknown compression", encoding: "snappy", bytes: body }),
  (body) => ({ what: "two compressions", encoding: "gzip, gzip", bytes: gzipSync(gzipSync(body)) }),
  (body) => ({ what: "GZIP in capitals", encoding: "GZIP", bytes: gzipSync(body) }),
  (body) => ({ what: "a body that is not gzip", encoding: "gzip", bytes: body }),
  (_, random) => ({ what: "garbage as gzip", encoding: "gzip", bytes: garbage(random) }),
  (_, random) => ({ what: "garbage as Brotli", encoding: "br", bytes: garbage(random) }),
  (body, random) => {
    const bytes = gzipSync(body);
    return { what: "gzip cut short", encoding: "gzip", bytes: bytes.subarray(0, random.below(bytes.length)) };
  },
  (body) => ({
    what: "gzip with bytes after it",
    encoding: "gzip",
    bytes: Buffer.concat([gzipSync(body), Buffer.from("more")]),
  }),
  (body) => {
    const bytes = gzipSync(body);
    bytes.writeUInt32LE(0xdeadbeef, bytes.length - 8);
    return { what: "gzip with a wrong checksum", encoding: "gzip", bytes };
  },
  () => ({ what: "an empty body as gzip", encoding: "gzip", bytes: Buffer.alloc(0) }),
  () => ({ what: "a gigabyte of zeros in gzip", encoding: "gzip", bytes: gzipBomb() }),
  (body) => {
    large ??= gzipSync(Buffer.alloc(LARGE_BYTES, " "));
    return {
      what: "10 MB of spaces in gzip",
      encoding: "gzip",
      bytes: Buffer.concat([large, gzipSync(body)]),
    };
  },
];

const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

export const compress = (body: Buffer, random: Random): Compressed => random.pick(compressions)(body, random);
