import assert from "node:assert/strict";
import type { Api } from "./api.ts";

/** A user's record, as LiteLLM's BudgetManager keeps it. */
export interface LegacyRecord {
  total_budget: number;
  duration?: number;
  created_at?: number;
  last_updated_at?: number;
  current_cost?: number;
  model_cost?: Record<string, number>;
}

export type LegacyMap = Record<string, LegacyRecord>;

/** Posts to a server's REST endpoints. */
export const legacyPosts = (server: () => Pick<Api["server"], "httpUrl">) => {
  const post = async (path: string, body: string | Uint8Array<ArrayBuffer>) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${server().httpUrl}${path}`, { method: "POST", headers, body });
    assert.equal(response.headers.get("content-type"), "application/json");
    return { status: response.status, text: await response.text() };
  };
  return {
    post,
    get: (project: string) => post("/get_budget", JSON.stringify({ project_name: project })),
    set: (project: string, map: unknown) =>
      post("/set_budget", JSON.stringify({ project_name: project, user_dict: map })),
  };
};

type Posts = ReturnType<typeof legacyPosts>;

/** BudgetManager without its threads: a test decides which of its posts arrive, when, and how often. */
export class LegacyClient {
  map: LegacyMap = {};
  readonly #posts: Posts;
  readonly #project: string;

  constructor(posts: Posts, project: string) {
    this.#posts = posts;
    this.#project = project;
  }

  async load(): Promise<this> {
    const { status, text } = await this.#posts.get(this.#project);
    assert.equal(status, 200);
    this.map = (JSON.parse(text) as { data?: LegacyMap }).data ?? {};
    return this;
  }

  create(user: string, record: LegacyRecord): this {
    this.map[user] = record;
    return this;
  }

  record(user: string): LegacyRecord {
    const record = this.map[user];
    assert.ok(record !== undefined, `${user} is not in the map`);
    return record;
  }

  /** Adds a cost in floats, as the client does. */
  spend(user: string, cost: number, model = "gpt-4o"): this {
    const record = this.record(user);
    record.current_cost = cost + (record.current_cost ?? 0);
    record.model_cost = { ...record.model_cost, [model]: cost + (record.model_cost?.[model] ?? 0) };
    return this;
  }

  /** Like reset_cost, which does not save. */
  reset(user: string): this {
    Object.assign(this.record(user), { current_cost: 0, model_cost: {} });
    return this;
  }

  /** The body that a thread would post if it saved now. */
  snapshot(): LegacyMap {
    return structuredClone(this.map);
  }

  /** Posts the current map, or an earlier one. */
  async save(map: LegacyMap = this.map): Promise<void> {
    assert.deepEqual(await this.#posts.set(this.#project, map), {
      status: 200,
      text: '{"status":"success"}',
    });
  }
}
