import cl100k from "js-tiktoken/ranks/cl100k_base";
import o200k from "js-tiktoken/ranks/o200k_base";
import { hashBytes } from "./hash.ts";

/** The two vocabularies of OpenAI's chat and embedding models. */
export type Encoding = "o200k_base" | "cl100k_base";

/**
 * A byte-pair vocabulary. A token is identified by its rank, and the pair of neighbours with the lowest rank is merged
 * first. The vocabulary is stored in typed arrays: a Map of 200,000 strings takes three times the memory, and every
 * lookup in it would have to create a string.
 */
export interface Vocabulary {
  /** The bytes of all tokens, in the order of ranks. */
  readonly bytes: Uint8Array;
  /** The start of each rank's bytes, and the end of the last rank's. */
  readonly starts: Int32Array;
  readonly hashes: Int32Array;
  /** An open-addressing hash table of ranks plus one. 0 is a free place. Its size is a power of two. */
  readonly table: Int32Array;
  readonly tokenBytesMax: number;
}

const SOURCES = { o200k_base: o200k, cl100k_base: cl100k };
const built = new Map<Encoding, Vocabulary>();

/** Returns a vocabulary. The first call builds it, which takes about 100 ms. */
export function vocabulary(encoding: Encoding): Vocabulary {
  const known = built.get(encoding);
  if (known !== undefined) return known;
  const fresh = build(SOURCES[encoding].bpe_ranks);
  built.set(encoding, fresh);
  return fresh;
}

/** Parses js-tiktoken's data: lines of "! first-rank token token ...". Tokens are base64; ranks have no gaps. */
function build(lines: string): Vocabulary {
  const tokens = lines.split("\n").flatMap((line) => line.split(" ").slice(2));
  const bytes = new Uint8Array((lines.length * 3) / 4);
  const starts = new Int32Array(tokens.length + 1);
  const hashes = new Int32Array(tokens.length);
  const table = new Int32Array(2 ** Math.ceil(Math.log2(tokens.length * 2)));
  let end = 0;
  let tokenBytesMax = 0;
  for (const [rank, token] of tokens.entries()) {
    const start = end;
    const text = atob(token);
    for (let at = 0; at < text.length; at++) bytes[end++] = text.charCodeAt(at);
    starts[rank + 1] = end;
    const hash = hashBytes(bytes, start, end);
    hashes[rank] = hash;
    insert(table, hash, rank);
    tokenBytesMax = Math.max(tokenBytesMax, end - start);
  }
  return {
    bytes: bytes.slice(0, end),
    starts,
    hashes,
    table,
    tokenBytesMax,
  };
}

const placeOf = (hash: number, table: Int32Array): number => (hash ^ (hash >>> 15)) & (table.length - 1);

function insert(table: Int32Array, hash: number, rank: number): void {
  let place = placeOf(hash, table);
  while (table[place] !== 0) place = (place + 1) & (table.length - 1);
  table[place] = rank + 1;
}

export const NO_RANK = -1;

/** The rank of the token with the bytes from `start` to `end`, or NO_RANK. `hash` is the hash of these bytes. */
export function rankOf(
  words: Vocabulary,
  bytes: Uint8Array,
  start: number,
  end: number,
  hash: number,
): number {
  const { table, hashes, starts } = words;
  for (let place = placeOf(hash, table); table[place] !== 0; place = (place + 1) & (table.length - 1)) {
    const rank = table[place]! - 1;
    if (hashes[rank] !== hash || starts[rank + 1]! - starts[rank]! !== end - start) continue;
    if (sameBytes(words.bytes, starts[rank]!, bytes, start, end)) return rank;
  }
  return NO_RANK;
}

function sameBytes(token: Uint8Array, from: number, bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (token[from + at - start] !== bytes[at]) return false;
  return true;
}
