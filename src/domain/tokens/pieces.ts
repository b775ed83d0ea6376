import { CASELESS, classOf, LOWER, MARK, NEWLINE, NUMBER, OTHER, SLASH, SPACE, UPPER } from "./classes.ts";
import type { Encoding } from "./ranks.ts";

/** The end of the piece is not found yet: ask again. */
export const BUSY = -1;
const NONE = -2;

/** Bytes that one call looks at, at most, in each of the few runs that a piece has. */
const STEP_BYTES = 8192;

const MAY_PRECEDE_LETTERS = SPACE | SLASH | OTHER | MARK;
const SYMBOL = SLASH | OTHER | MARK;
const WHITESPACE = SPACE | NEWLINE;

/** Characters of the same classes, one after the other, as far as they were looked at. */
class Run {
  from = NONE;
  at = NONE;
  /** Where the last character starts. */
  lastStart = NONE;
  /** Where the last character of the classes in `noted` ends. */
  notedEnd = NONE;
  readonly classes: number;
  readonly noted: number;

  constructor(classes: number, noted = 0) {
    this.classes = classes;
    this.noted = noted;
  }
}

/**
 * Cuts a text into the pieces that are merged apart from each other, as the regular expressions of OpenAI's vocabularies
 * do (`pat_str` in js-tiktoken; test/domain/tokens-pieces.test.ts compares them). A regular expression cannot be interrupted,
 * and a piece may have megabytes. This reads each byte at most twice, and pauses in between.
 */
export class PieceCutter {
  readonly #bytes: Uint8Array;
  readonly #encoding: Encoding;
  #width = 0;
  // Calls that ask for the same piece again go on in these.
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

  /** Where the piece that starts at `start` ends, or BUSY. */
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
   * o200k_base: capitals, then small letters, then what "don't" has after the n. Letters without case, and marks, count as
   * both, so that without small letters a word ends behind the last of them, or else with the capitals.
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

  /** cl100k_base: the end of "don't" is a piece of its own, and any letters are one. */
  #wordOfLetters(start: number, second: number, kind: number): number {
    const contraction = this.#contraction(start);
    if (contraction > start) return contraction;
    const from = (kind & MAY_PRECEDE_LETTERS) === 0 ? start : second;
    const end = this.#skip(this.#word, from);
    return end === BUSY || end > from ? end : NONE;
  }

  /** The end of 's, 't, 'm, 'd, 're, 've or 'll, in small letters or capitals, where there is one; otherwise `at`. */
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

  /** Symbols, and the ends of lines behind them. */
  #symbolsFrom(start: number): number {
    const end = this.#skip(this.#symbols, start);
    return end === BUSY ? BUSY : this.#skip(this.#lineEnds, end);
  }

  /** White space up to its last end of a line; without one, all of it but the last character, which precedes a word. */
  #whitespaceFrom(start: number): number {
    const end = this.#skip(this.#whitespace, start);
    if (end === BUSY) return BUSY;
    const { notedEnd, lastStart } = this.#whitespace;
    if (notedEnd !== NONE) return notedEnd;
    return end === this.#bytes.length || lastStart === start ? end : lastStart;
  }

  /** Where the run that starts at `from` ends, or BUSY. A run may be empty. */
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

  /** The class of the character that starts at `at`; `#width` is then how many bytes it has. */
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
