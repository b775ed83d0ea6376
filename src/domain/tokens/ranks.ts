import cl100k from "js-tiktoken/ranks/cl100k_base";
import o200k from "js-tiktoken/ranks/o200k_base";
import { hashBytes } from "./hash.ts";

/** The two vocabularies that OpenAI's chat and embedding models use. */
export type Encoding = "o200k_base" | "cl100k_base";

/**
 * A byte-pair vocabulary: tokens are known by their rank, and the pair of neighbours with the lowest rank is merged first.
 * It is kept in typed arrays, since a Map of 200,000 strings takes three times the memory and makes a string of every
 * stretch of bytes that is looked up.
 */
export interface Vocabulary {
  /** The bytes of all tokens, one after the other in the order of ranks. */
  readonly bytes: Uint8Array;
  /** Where each rank's bytes start; one more at the end. */
  readonly starts: Int32Array;
  readonly hashes: Int32Array;
  /** An open hash table of ranks plus one; 0 is a free place. Its size is a power of two. */
  readonly table: Int32Array;
  readonly tokenBytesMax: number;
}

const SOURCES = { o200k_base: o200k, cl100k_base: cl100k };
const built = new Map<Encoding, Vocabulary>();

/** Builds a vocabulary on first use, which takes some 100 ms, and keeps it. */
export function vocabulary(encoding: Encoding): Vocabulary {
  const known = built.get(encoding);
  if (known !== undefined) return known;
  const fresh = build(SOURCES[encoding].bpe_ranks);
  built.set(encoding, fresh);
  return fresh;
}

/** js-tiktoken's data: lines of "! first-rank token token ...", tokens in base64, ranks counting up without a gap. */
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

/** The rank of the token that bytes from `start` to `end` are, or NO_RANK. `hash` is their hash. */
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
