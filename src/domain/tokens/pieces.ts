import { CASELESS, classOf, LOWER, MARK, NEWLINE, NUMBER, OTHER, SLASH, SPACE, UPPER } from "./classes.ts";
import type { Encoding } from "./ranks.ts";

/** The end of the piece is not found yet: call again. */
export const BUSY = -1;
const NONE = -2;

/** The maximum number of bytes that one call reads in each run of a piece. */
const STEP_BYTES = 8192;

const MAY_PRECEDE_LETTERS = SPACE | SLASH | OTHER | MARK;
const SYMBOL = SLASH | OTHER | MARK;
const WHITESPACE = SPACE | NEWLINE;

/** A run of characters of the same classes, as far as it has been read. */
class Run {
  from = NONE;
  at = NONE;
  /** The start of the last character. */
  lastStart = NONE;
  /** The end of the last character whose class is in `noted`. */
  notedEnd = NONE;
  readonly classes: number;
  readonly noted: number;

  constructor(classes: number, noted = 0) {
    this.classes = classes;
    this.noted = noted;
  }
}

/**
 * Splits a text into the pieces that are merged separately. The result is the same as that of the regular expressions
 * of OpenAI's vocabularies (`pat_str` in js-tiktoken; test/domain/tokens-pieces.test.ts compares them). A regular
 * expression cannot be interrupted, and a piece may have megabytes. This class reads each byte at most twice and pauses
 * in between.
 */
export class PieceCutter {
  readonly #bytes: Uint8Array;
  readonly #encoding: Encoding;
  #width = 0;
  // Repeated calls for the same piece continue from these runs.
  readonly #word: Run;
  readonly #lower = new Run(LOWER | CASELESS | MARK);
  readonly #symbols = new Run(SYMBOL);
  readonly #lineEnds: Run;
  readonly #whitespace = new Run(WHITESPACE, NEWLINE);

  constructor(bytes: Uint8Array, encoding: Encoding) {
    this.#bytes = bytes;
    this.#encoding = encoding;
    this.#word =
      encoding === "o200k_base"
        ? new Run(UPPER | CASELESS | MARK, CASELESS | MARK)
        : new Run(UPPER | LOWER | CASELESS);
    this.#lineEnds = new Run(encoding === "o200k_base" ? NEWLINE | SLASH : NEWLINE);
  }

  /** The end of the piece that starts at `start`, or BUSY. */
  end(start: number): number {
    const kind = this.#classAt(start);
    const second = start + this.#width;
    const word =
      this.#encoding === "o200k_base"
        ? this.#wordByCase(start, second, kind)
        : this.#wordOfLetters(start, second, kind);
    if (word !== NONE) return word;
    if (kind === NUMBER) return this.#threeNumbers(second);
    if ((kind & SYMBOL) !== 0) return this.#symbolsFrom(start);
    const spaceBeforeSymbol =
      this.#bytes[start] === 0x20 && second < this.#bytes.length && (this.#classAt(second) & SYMBOL) !== 0;
    return spaceBeforeSymbol ? this.#symbolsFrom(second) : this.#whitespaceFrom(start);
  }

  /**
   * o200k_base: capital letters, then small letters, then a contraction such as the 't of "don't". Letters without
   * case, and marks, count as both. So a word without small letters ends after the last of them, or else after the
   * capitals.
   */
  #wordByCase(start: number, second: number, kind: number): number {
    const from = (kind & MAY_PRECEDE_LETTERS) === 0 ? start : second;
    const capitals = this.#skip(this.#word, from);
    if (capitals === BUSY) return BUSY;
    if (capitals < this.#bytes.length && this.#classAt(capitals) === LOWER) {
      const end = this.#skip(this.#lower, capitals);
      return end === BUSY ? BUSY : this.#contraction(end);
    }
    const { notedEnd } = this.#word;
    if (notedEnd !== NONE) return this.#contraction(notedEnd);
    if (kind === MARK) return this.#contraction(second);
    return capitals > from ? this.#contraction(capitals) : NONE;
  }

  /** cl100k_base: a contraction such as 't is a piece of its own, and any run of letters is one piece. */
  #wordOfLetters(start: number, second: number, kind: number): number {
    const contraction = this.#contraction(start);
    if (contraction > start) return contraction;
    const from = (kind & MAY_PRECEDE_LETTERS) === 0 ? start : second;
    const end = this.#skip(this.#word, from);
    return end === BUSY || end > from ? end : NONE;
  }

  /**
   * The end of 's, 't, 'm, 'd, 're, 've or 'll, in small letters or capitals, at `at`. `at` itself if there is none.
   */
  #contraction(at: number): number {
    if (this.#bytes[at] !== 0x27) return at;
    const first = lowerCased(this.#bytes[at + 1]);
    if (first === "s" || first === "t" || first === "m" || first === "d") return at + 2;
    const both = first + lowerCased(this.#bytes[at + 2]);
    return both === "re" || both === "ve" || both === "ll" ? at + 3 : at;
  }

  #threeNumbers(second: number): number {
    let end = second;
    for (let more = 2; more > 0 && end < this.#bytes.length && this.#classAt(end) === NUMBER; more--) {
      end += this.#width;
    }
    return end;
  }

  /** The end of symbols and of the line ends after them. */
  #symbolsFrom(start: number): number {
    const end = this.#skip(this.#symbols, start);
    return end === BUSY ? BUSY : this.#skip(this.#lineEnds, end);
  }

  /**
   * White space up to its last line end. Without a line end, all but the last character, which belongs to the next
   * word.
   */
  #whitespaceFrom(start: number): number {
    const end = this.#skip(this.#whitespace, start);
    if (end === BUSY) return BUSY;
    const { notedEnd, lastStart } = this.#whitespace;
    if (notedEnd !== NONE) return notedEnd;
    return end === this.#bytes.length || lastStart === start ? end : lastStart;
  }

  /** The end of the run that starts at `from`, or BUSY. A run may be empty. */
  #skip(run: Run, from: number): number {
    if (run.from !== from) {
      run.from = from;
      run.at = from;
      run.lastStart = NONE;
      run.notedEnd = NONE;
    }
    const { classes, noted } = run;
    const { length } = this.#bytes;
    const pause = run.at + STEP_BYTES;
    let { at } = run;
    for (; at < length && at < pause; at += this.#width) {
      const kind = this.#classAt(at);
      if ((kind & classes) === 0) break;
      run.lastStart = at;
      if ((kind & noted) !== 0) run.notedEnd = at + this.#width;
    }
    run.at = at;
    return at < length && at >= pause ? BUSY : at;
  }

  /** The class of the character that starts at `at`. Sets `#width` to its number of bytes. */
  #classAt(at: number): number {
    const bytes = this.#bytes;
    const first = bytes[at]!;
    if (first < 0x80) {
      this.#width = 1;
      return classOf(first);
    }
    if (first < 0xe0) {
      this.#width = 2;
      return classOf(((first & 0x1f) << 6) | (bytes[at + 1]! & 0x3f));
    }
    if (first < 0xf0) {
      this.#width = 3;
      return classOf(((first & 0x0f) << 12) | ((bytes[at + 1]! & 0x3f) << 6) | (bytes[at + 2]! & 0x3f));
    }
    this.#width = 4;
    const high = ((first & 0x07) << 18) | ((bytes[at + 1]! & 0x3f) << 12);
    return classOf(high | ((bytes[at + 2]! & 0x3f) << 6) | (bytes[at + 3]! & 0x3f));
  }
}

const lowerCased = (byte: number | undefined): string =>
  byte === undefined ? "" : String.fromCharCode(byte).toLowerCase();
