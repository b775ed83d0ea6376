import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { charge, HOT, listEntries, PROJECT } from "../service/calls.ts";
import type { ServerProcess } from "../service/processes.ts";
import type { Stage } from "../service/stage.ts";
import { counted, uploadTo } from "./uploads.ts";

interface Place {
  stage: Stage;
  purser: ServerProcess;
}

/** Puts a load on a server. @returns What was done, as text. */
export type Load = (place: Place) => Promise<string>;

const CALLERS = 512;
const LISTERS = 64;
const ENTRIES = 20_000;
const ENTRIES_PER_CALL = 1_000;
const WATCHES = 500;
const TEXTS = 128;
const TEXT_BYTES = 3_600_000;
const TEXT_WAVES = 3;
const MAP_USERS = 100_000;

export const LOADS: Readonly<Record<string, Load>> = {
  /** 512 calls of UpdateCost in flight all the time. */
  flood: async ({ stage, purser }) => {
    await createHot(purser);
    const { done } = await stage.load({
      url: purser.url,
      steps: [charge(HOT)],
      shape: { inFlight: CALLERS },
    });
    return `${done} charges`;
  },
  /** 128 calls at once, each with a text of 3.6 MB whose tokens are counted; three times. */
  texts: async ({ purser }) => {
    await createHot(purser);
    const answers: unknown[] = [];
    for (let wave = 0; wave < TEXT_WAVES; wave++)
      answers.push(...(await Promise.all(Array.from({ length: TEXTS }, () => chargeText(purser)))));
    return counted(answers);
  },
  /** 64 pages of 1,000 entries in flight all the time. */
  lists: async ({ stage, purser }) => {
    await createHot(purser);
    await writeEntries(purser);
    const steps = [listEntries(ENTRIES_PER_CALL)];
    const { done } = await stage.load({ url: purser.url, steps, shape: { inFlight: LISTERS } });
    return `${done} pages`;
  },
  /** 500 watches of a budget that changes all the time. */
  watches: async ({ stage, purser }) => {
    await createHot(purser);
    const ending = new AbortController();
    const watches = Array.from({ length: WATCHES }, () => watch(purser, ending.signal));
    await stage.load({ url: purser.url, steps: [charge(HOT)], shape: { perSecond: 100 } });
    ending.abort();
    const seen = await Promise.all(watches);
    return `${seen.reduce((sum, count) => sum + count, 0)} answers`;
  },
  /** 150 uploads of 15 MB at once, each more than a request may have. */
  requests: ({ purser }) => uploadTo(purser, "/budget.v1.BudgetService/UpdateCost"),
  /** The same to a legacy route, which takes larger bodies. */
  legacy: ({ purser }) => uploadTo(purser, "/set_budget"),
  /** A map of 100,000 users, posted, read and posted back. */
  map: async ({ purser }) => {
    const record = { total_budget: 10, duration: 30, current_cost: 0.5, model_cost: { "gpt-4o": 0.5 } };
    const users = Array.from({ length: MAP_USERS }, (_, each) => [`user-${each}`, record] as const);
    const first = await post(purser, "/set_budget", {
      project_name: "map",
      user_dict: Object.fromEntries(users),
    });
    const read = await post(purser, "/get_budget", { project_name: "map" });
    const { data } = JSON.parse(read.text) as { data: object };
    const second = await post(purser, "/set_budget", { project_name: "map", user_dict: data });
    return `${counted([first.status, read.status, second.status])}, ${read.text.length} bytes`;
  },
};

const createHot = ({ client }: ServerProcess): Promise<unknown> =>
  client.createBudget({ project: PROJECT, user: HOT, totalBudgetNanoUsd: 10n ** 15n });

/** Each call has a connection of its own, so that none waits for the window of another one. */
async function chargeText({ url }: ServerProcess): Promise<string> {
  const sessionManager = new Http2SessionManager(url);
  const client = createClient(BudgetService, createGrpcTransport({ baseUrl: url, sessionManager }));
  const value = { model: "gpt-4o", outputText: "All work and no play. ".repeat(TEXT_BYTES / 22) };
  try {
    await client.updateCost({ project: PROJECT, user: HOT, source: { case: "text", value } });
    return "OK";
  } catch (error) {
    return Code[ConnectError.from(error).code] ?? "unknown";
  } finally {
    sessionManager.abort();
  }
}

/** Writes entries with all that an entry can have: counts of tokens, and the price. */
async function writeEntries({ client }: ServerProcess): Promise<void> {
  const value = { model: "gpt-4o", inputTokens: 1200n, cacheReadTokens: 1000n, outputTokens: 300n };
  const request = { project: PROJECT, user: HOT, source: { case: "usage", value } } as const;
  for (let written = 0; written < ENTRIES; written += ENTRIES_PER_CALL)
    await client.batchUpdateCost({ requests: Array.from({ length: ENTRIES_PER_CALL }, () => request) });
}

async function watch({ client }: ServerProcess, signal: AbortSignal): Promise<number> {
  let seen = 0;
  try {
    for await (const _ of client.watchBudget({ project: PROJECT, user: HOT }, { signal })) seen++;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return seen;
}

async function post(
  { httpUrl }: ServerProcess,
  path: string,
  body: object,
): Promise<{ status: number; text: string }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${httpUrl}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, text: await response.text() };
}
