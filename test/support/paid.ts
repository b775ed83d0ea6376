import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import {
  type BudgetFetch,
  type BudgetFetchOptions,
  budgetFetch,
} from "../../src/client/fetch/budget-fetch.ts";
import type { Api, Name } from "./api.ts";
import { type Answer, type Provider, type Received, startProvider } from "./provider.ts";
import type { BudgetClient } from "./server.ts";

/** A budget, a provider, and the real SDKs between them. */
export interface Paid extends AsyncDisposable {
  name: Name;
  provider: Provider;
  fetch: BudgetFetch;
  openai: OpenAI;
  anthropic: Anthropic;
  /** The spending and the holds of the budget, after all charges are made. */
  balance(): Promise<{ spent: bigint; held: bigint }>;
}

export const DOLLAR = 1_000_000_000n;

export async function startPaid(
  api: Api,
  answer: (request: Received) => Answer,
  options: Partial<BudgetFetchOptions> & { totalNanoUsd?: bigint; client?: BudgetClient } = {},
): Promise<Paid> {
  const { totalNanoUsd = DOLLAR, client = api.client, ...rest } = options;
  const name = api.newName();
  await api.client.createBudget({ ...name, totalBudgetNanoUsd: totalNanoUsd });
  const provider = await startProvider(answer);
  // Long, because other tests share the machine and no answer may count as late.
  const fetch = budgetFetch(client, { ...name, timeoutMs: 120_000, ...rest });
  return {
    name,
    provider,
    fetch,
    openai: new OpenAI({ apiKey: "none", baseURL: `${provider.url}/v1`, fetch }),
    anthropic: new Anthropic({ apiKey: "none", baseURL: provider.url, fetch }),
    async balance() {
      await fetch.flush();
      const { budget } = await api.client.getBudget(name);
      return { spent: budget?.spentNanoUsd ?? -1n, held: budget?.heldNanoUsd ?? -1n };
    },
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
  };
}
