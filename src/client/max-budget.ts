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

/** A Purser inside this process, and a client of it. */
export interface Local extends AsyncDisposable {
  client: PurserClient;
}

export interface MaxBudgetOptions extends FetchOptions {
  /** What all calls together may cost, in US dollars: a number, or decimal text where every digit counts. */
  maxBudget: number | string;
}

/** As budgetFetch; or with `maxBudget` alone, on a budget inside this process that is gone when it ends. */
export interface BudgetFetchFactory {
  (client: PurserClient, options: BudgetFetchOptions): BudgetFetch;
  (options: MaxBudgetOptions): BudgetFetch;
}

/** @param openLocal Opens the Purser for `maxBudget`: at the first call, and once for each fetch. */
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
    throw new RangeError(`maxBudget must be an amount of US dollars, 0 or more, not ${maxBudget}`);
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
