import { hash } from "node:crypto";
import type { BudgetName } from "../store/names.ts";

/** Tells whoever watches a budget that it may have changed: on this server at once, on others by way of the database. */
export interface Feed extends Disposable {
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

const tagOf = ({ project, user }: BudgetName): string =>
  hash("sha256", `${project}\0${user}`, "base64url").slice(0, TAG_CHARACTERS);

/** @param send Tells other servers. Called at most every 50 ms, with everything that has changed since. */
export function createFeed(send: (payload: string) => void): Feed {
  const watchers = new Map<string, Set<() => void>>();
  const unsent = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  const tell = (tag: string): void => {
    for (const onChange of watchers.get(tag) ?? []) onChange();
  };
  const sendLater = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      const payload = unsent.size > TAGS_MAX ? EVERYTHING : [...unsent].join();
      unsent.clear();
      send(payload);
    }, SEND_INTERVAL_MS).unref();
  };

  return {
    changed(names) {
      for (const name of names) {
        const tag = tagOf(name);
        unsent.add(tag);
        tell(tag);
      }
      if (unsent.size > 0) sendLater();
    },
    watch(name, onChange) {
      const tag = tagOf(name);
      const set = watchers.get(tag) ?? new Set();
      watchers.set(tag, set.add(onChange));
      return {
        [Symbol.dispose]() {
          set.delete(onChange);
          if (set.size === 0) watchers.delete(tag);
        },
      };
    },
    received(payload) {
      const tags = payload === EVERYTHING ? [...watchers.keys()] : payload.split(",");
      tags.forEach(tell);
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
