import cl100k from "js-tiktoken/ranks/cl100k_base";
import o200k from "js-tiktoken/ranks/o200k_base";

/** The two vocabularies that OpenAI's chat and embedding models use. */
export type Encoding = "o200k_base" | "cl100k_base";

/**
 * A byte-pair vocabulary. Bytes are written as strings with one character (U+0000 to U+00FF) a byte, since such a string
 * is what a Map finds fastest.
 */
export interface Vocabulary {
  /** Cuts text into pieces, which are merged apart from each other. Global and Unicode aware. */
  readonly pieces: RegExp;
  /** Bytes of a token to its rank; the pair with the lowest rank is merged first. */
  readonly ranks: ReadonlyMap<string, number>;
  /** Rank of each pair of bytes at first * 256 + second; -1 where the pair is no token. */
  readonly bytePairRanks: Int32Array;
  /** Bytes in the longest token. */
  readonly tokenBytesMax: number;
}

const SOURCES = { o200k_base: o200k, cl100k_base: cl100k };
const built = new Map<Encoding, Vocabulary>();

/** Builds a vocabulary on first use, which takes some 100 ms, and keeps it. */
export function vocabulary(encoding: Encoding): Vocabulary {
  const known = built.get(encoding);
  if (known !== undefined) return known;
  const source = SOURCES[encoding];
  const fresh = buildVocabulary(source.pat_str, source.bpe_ranks);
  built.set(encoding, fresh);
  return fresh;
}

/** The data: lines of "! first-rank token token ...", each token in base64, ranks counting up along the line. */
function buildVocabulary(pattern: string, lines: string): Vocabulary {
  const ranks = new Map<string, number>();
  const bytePairRanks = new Int32Array(65_536).fill(-1);
  let tokenBytesMax = 0;
  for (const line of lines.split("\n")) {
    const [, first, ...tokens] = line.split(" ");
    let rank = Number(first);
    for (const token of tokens) {
      const bytes = atob(token);
      ranks.set(bytes, rank);
      if (bytes.length === 2) bytePairRanks[(bytes.charCodeAt(0) << 8) | bytes.charCodeAt(1)] = rank;
      if (bytes.length > tokenBytesMax) tokenBytesMax = bytes.length;
      rank++;
    }
  }
  return { pieces: new RegExp(pattern, "gu"), ranks, bytePairRanks, tokenBytesMax };
}
