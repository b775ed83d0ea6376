import { hash } from "node:crypto";
import { budgetKey } from "../../domain/budget.ts";
import type { BudgetName } from "../../store/names.ts";

/**
 * Tells watchers of a budget that it may have changed. Watchers on this server are told at once, those on other servers through
 * a notification of the database.
 */
export interface Feed extends Disposable {
  /** How many watchers this server has. */
  readonly watchers: number;
  /** Tells the watchers of these budgets, on all servers. */
  changed(names: Iterable<BudgetName>): void;
  /**
   * Calls `onChange` after each change of a budget, until disposed. A call may come without a change. A call for a change on
   * another server may be lost, so the caller must poll, too.
   */
  watch(name: BudgetName, onChange: () => void): Disposable;
  /** Handles a payload that another server passed to its `send`. */
  received(payload: string): void;
}

/** The payload that stands for all budgets. */
const EVERYTHING = "*";
/** PostgreSQL accepts payloads of less than 8000 bytes. A tag and its comma have 9 bytes. */
const TAGS_MAX = 800;
const TAG_CHARACTERS = 8;
const SEND_INTERVAL_MS = 50;

/** A short hash of a `budgetKey`. Two budgets with the same tag only cause a call of `onChange` without a change. */
const tagOf = (key: string): string => hash("sha256", key, "base64url").slice(0, TAG_CHARACTERS);

const keyOf = ({ project, user }: BudgetName): string => budgetKey(project, user);

/** @param send Sends a payload to the other servers. Called at most every 50 ms, with all changes since its last call. */
export function createFeed(send: (payload: string) => void): Feed {
  const watchers = new Map<string, { tag: string; callbacks: Set<() => void> }>();
  const unsent = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let watching = 0;

  const sendLater = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      const payload = unsent.size > TAGS_MAX ? EVERYTHING : [...unsent].map(tagOf).join();
      unsent.clear();
      send(payload);
    }, SEND_INTERVAL_MS).unref();
  };

  return {
    get watchers() {
      return watching;
    },
    changed(names) {
      for (const name of names) {
        const key = keyOf(name);
        // One key more than fits in a payload is enough to send EVERYTHING.
        if (unsent.size <= TAGS_MAX) unsent.add(key);
        for (const onChange of watchers.get(key)?.callbacks ?? []) onChange();
      }
      if (unsent.size > 0) sendLater();
    },
    watch(name, onChange) {
      const key = keyOf(name);
      const watched = watchers.get(key) ?? { tag: tagOf(key), callbacks: new Set() };
      watched.callbacks.add(onChange);
      watching++;
      watchers.set(key, watched);
      return {
        [Symbol.dispose]() {
          if (watched.callbacks.delete(onChange)) watching--;
          if (watched.callbacks.size === 0) watchers.delete(key);
        },
      };
    },
    received(payload) {
      const tags = new Set(payload.split(","));
      for (const { tag, callbacks } of watchers.values()) {
        if (payload !== EVERYTHING && !tags.has(tag)) continue;
        for (const onChange of callbacks) onChange();
      }
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
