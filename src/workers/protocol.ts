import type { Encoding } from "../domain/tokens.ts";

/** A work item for a thread: count the tokens of some texts together. */
export interface CountWork {
  /** Starts at 1. 0 means no item. */
  id: number;
  caller: string;
  /** The approximate amount of work, in bytes of text. */
  cost: number;
  encoding: Encoding;
  texts: readonly string[];
}

export type ToThread = { count: CountWork } | { cancel: number };

/** The answer to one item; each item is answered once. `tokens` is absent if the item was cancelled. */
export interface FromThread {
  id: number;
  tokens?: number;
}

/** The data that a thread gets at its start. */
export interface ThreadData {
  /** The id of the item that the thread is working on, or 0. If the thread dies, this shows which item killed it. */
  atWork: Int32Array;
}
