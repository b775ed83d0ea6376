import { randomUUID } from "node:crypto";
import { nanoUsdFromDollars } from "../domain/money.ts";
import type { PurserClient } from "./connect.ts";
import {
  type BudgetFetch,
  type BudgetFetchOptions,
  budgetFetch,
  createBudgetFetch,
} from "./fetch/budget-fetch.ts";
import type { Account } from "./fetch/hold.ts";
import type { FetchOptions } from "./fetch/options.ts";

/** A Purser in this process, with its client. */
export interface Local extends AsyncDisposable {
  client: PurserClient;
}

export interface MaxBudgetOptions extends FetchOptions {
  /** The maximum cost of all calls together, in US dollars: a number, or decimal text if every digit matters. */
  maxBudget: number | string;
}

/** Like budgetFetch. With only `maxBudget`, it uses a budget inside this process, which ends with the process. */
export interface BudgetFetchFactory {
  (client: PurserClient, options: BudgetFetchOptions): BudgetFetch;
  (options: MaxBudgetOptions): BudgetFetch;
}

/** @param openLocal Opens the Purser for `maxBudget`. Called at the first call, once for each fetch. */
export const withMaxBudget = (openLocal: () => Promise<Local>): BudgetFetchFactory => {
  function factory(client: PurserClient, options: BudgetFetchOptions): BudgetFetch;
  function factory(options: MaxBudgetOptions): BudgetFetch;
  function factory(first: PurserClient | MaxBudgetOptions, second?: BudgetFetchOptions): BudgetFetch {
    if (second !== undefined) return budgetFetch(first as PurserClient, second);
    return maxBudgetFetch(first as MaxBudgetOptions, openLocal);
  }
  return factory;
};

function maxBudgetFetch(
  { maxBudget, ...options }: MaxBudgetOptions,
  openLocal: () => Promise<Local>,
): BudgetFetch {
  const totalBudgetNanoUsd = nanoUsdFromDollars(maxBudget);
  if (totalBudgetNanoUsd === undefined || totalBudgetNanoUsd < 0n) {
    throw new RangeError(`maxBudget must be an amount of US dollars of at least 0, not ${maxBudget}`);
  }
  let opened: Promise<Local & Account> | undefined;
  const open = async (): Promise<Local & Account> => {
    const local = await openLocal();
    const name = { project: `max-budget-${randomUUID()}`, user: "local" };
    await local.client.createBudget({ ...name, totalBudgetNanoUsd });
    return { ...name, client: local.client, [Symbol.asyncDispose]: () => local[Symbol.asyncDispose]() };
  };
  return createBudgetFetch(
    {
      async account() {
        try {
          return await (opened ??= open());
        } catch (error) {
          // The next call tries again.
          opened = undefined;
          throw error;
        }
      },
      async close() {
        await (await opened)?.[Symbol.asyncDispose]();
      },
    },
    options,
  );
}
