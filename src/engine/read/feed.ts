import { hash } from "node:crypto";
import { budgetKey } from "../../domain/budget.ts";
import type { BudgetName } from "../../store/names.ts";

/** Tells whoever watches a budget that it may have changed: on this server at once, on others by way of the database. */
export interface Feed extends Disposable {
  /** How many watch, here. */
  readonly watchers: number;
  /** Tells watchers, here and elsewhere. */
  changed(names: Iterable<BudgetName>): void;
  /** Calls back for every change of a budget, until disposed. A call may be one too many, never one too few for long. */
  watch(name: BudgetName, onChange: () => void): Disposable;
  /** What another server has told: the payload that its `send` was given. */
  received(payload: string): void;
}

const EVERYTHING = "*";
// PostgreSQL takes payloads of less than 8000 bytes; a tag is 8 and a comma.
const TAGS_MAX = 800;
const TAG_CHARACTERS = 8;
const SEND_INTERVAL_MS = 50;

const tagOf = (key: string): string => hash("sha256", key, "base64url").slice(0, TAG_CHARACTERS);

const keyOf = ({ project, user }: BudgetName): string => budgetKey(project, user);

/** @param send Tells other servers. Called at most every 50 ms, with everything that has changed since. */
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
        // One more than can be told is everything.
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
