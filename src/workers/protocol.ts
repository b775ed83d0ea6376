import type { Encoding } from "../domain/tokens.ts";

/** What a thread counts: the tokens of some texts together. */
export interface CountWork {
  /** Counts up from 1; 0 is no work. */
  id: number;
  caller: string;
  /** How much work it is, about, in bytes of text. */
  cost: number;
  encoding: Encoding;
  texts: readonly string[];
}

export type ToThread = { count: CountWork } | { cancel: number };

/** `tokens` is absent when the work was given up, because it was cancelled. Each work is answered once. */
export interface FromThread {
  id: number;
  tokens?: number;
}

/** What the thread reads when it starts. */
export interface ThreadData {
  /** The id of the work that the thread is at, or 0; so it is known of what a thread died. */
  atWork: Int32Array;
}
