import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Random } from "../support/run.ts";
import { ODD_NAMES } from "./values.ts";

const PROJECTS = ["abuse-0", "abuse-1", "abuse-2", "__proto__", "\uFEFFabuse"];
export const ORG = "org";
export const TEAMS = ["team-0", "team-1"];
const USERS = [ORG, ...TEAMS, ...Array.from({ length: 20 }, (_, each) => `user-${each}`)];
const REMEMBERED_MAX = 200;

/**
 * What the inputs know of the server: the names that they use, and values from earlier answers. With these, an input
 * can name an open reservation, a used request id, or the page token of another list.
 */
export class World {
  readonly projects = PROJECTS;
  readonly users = [...USERS, ...ODD_NAMES];
  readonly #remembered = new Map<string, unknown[]>();

  remember(kind: string, value: unknown): void {
    const values = this.#remembered.get(kind) ?? [];
    values.push(value);
    if (values.length > REMEMBERED_MAX) values.shift();
    this.#remembered.set(kind, values);
  }

  recall(random: Random, kind: string): unknown {
    const values = this.#remembered.get(kind) ?? [];
    return values.length === 0 ? undefined : random.pick(values);
  }

  recallText(random: Random, kind: string): string {
    const value = this.recall(random, kind);
    return typeof value === "string" ? value : "";
  }

  /** Takes values that later inputs can use from the JSON of an answer. */
  learn(answer: unknown): void {
    if (typeof answer !== "object" || answer === null) return;
    for (const [key, value] of Object.entries(answer as JsonObject)) {
      if (typeof value === "object") this.learn(value);
      else if (typeof value === "string" && value !== "" && LEARNED.has(key)) this.remember(key, value);
    }
  }

  newRequestId(): string {
    const id = randomUUID();
    this.remember("requestId", id);
    return id;
  }
}

const LEARNED = new Set(["requestId", "reservationId", "nextPageToken", "updateTime"]);
