import { randomUUID } from "node:crypto";
import type { Budget } from "../../gen/es/budget/v1/budget_pb.ts";
import type { GetCurrentCostResponse } from "../../gen/es/budget/v1/budget_service_pb.ts";
import type { PurserClient } from "./connect.ts";
import { type BudgetManagerOptions, type Connection, connectionOf } from "./connection.ts";
import { type CostOptions, sourceOf } from "./cost-source.ts";
import { dollarsOf, nanoUsdOf } from "./dollars.ts";
import { plainJson } from "./plain-json.ts";
import { BudgetNotFoundError, PurserError } from "./purser-error.ts";
import { type BudgetDuration, type BudgetRecord, differences, periodOf, recordOf } from "./record.ts";

/** The result of updateCost. Money is US dollars. */
export interface UpdatedCost {
  /** The user's budget right after the charge. */
  user: BudgetRecord;
  /** The amount charged. */
  cost: number;
  /** Whether the budget is exceeded. The charge is recorded in any case, because the money was spent. */
  overBudget: boolean;
  /** The id of the charge: the given one, or the one that updateCost generated. */
  requestId: string;
}

const USERS_A_PAGE = 1000;

/**
 * The methods of LiteLLM's BudgetManager, on Purser: the budgets of one project, with money as numbers of US dollars.
 * docs/migrating.md compares each method with LiteLLM's.
 *
 * Every method that takes a user throws BudgetNotFoundError if the user has no budget, except createBudget and
 * isValidUser. Every method throws PurserError for any other refusal, and if Purser stays unavailable for `retryMsMax`.
 */
export class BudgetManager implements AsyncDisposable {
  readonly projectName: string;
  readonly #connection: Connection;

  /**
   * Connects at the first call.
   *
   * @throws TypeError for options that contradict each other.
   */
  constructor(projectName: string, options: BudgetManagerOptions = {}) {
    this.projectName = projectName;
    this.#connection = connectionOf(options);
  }

  /**
   * Creates a user's budget, or sets the total and duration of an existing one. The amount spent does not change.
   *
   * @param totalBudget US dollars, 0 or more.
   * @param duration How often the budget resets. Default: never.
   * @param createdAt The start of the first period. Default: the existing start if the duration does not change, else
   *   now.
   * @throws RangeError, TypeError
   */
  async createBudget(
    totalBudget: number,
    user: string,
    duration?: BudgetDuration,
    createdAt?: Date,
  ): Promise<BudgetRecord> {
    const wanted = {
      totalBudgetNanoUsd: nanoUsdOf("totalBudget", totalBudget),
      period: periodOf(duration, createdAt),
    };
    const budget = await this.#createOrGet({ ...this.#name(user), ...wanted });
    const paths = differences(budget, wanted);
    if (paths.length === 0) return recordOf(budget);
    const update = { ...this.#name(user), ...wanted, updateMask: { paths } };
    const updated = await this.#connection.call((client) => client.updateBudget(update));
    return recordOf(present(updated.budget));
  }

  /**
   * The user's cost after this prompt: the current cost plus the cost of the prompt.
   *
   * @param messages Chat messages in the format of OpenAI's chat completions.
   */
  async projectedCost(model: string, messages: readonly object[], user: string): Promise<number> {
    const request = {
      ...this.#name(user),
      model,
      messages: messages.map((message, index) => plainJson(`messages[${index}]`, message)),
    };
    const projected = await this.#connection.call((client) => client.projectedCost(request));
    return dollarsOf(projected.projectedCostNanoUsd);
  }

  async getTotalBudget(user: string): Promise<number> {
    return dollarsOf((await this.#budget(user)).totalBudgetNanoUsd);
  }

  /**
   * Records the cost of a call, from the provider's response or from its texts. Retries charge it once.
   *
   * @throws TypeError if neither the response nor the texts are given.
   */
  async updateCost(user: string, options: CostOptions): Promise<UpdatedCost> {
    const { requestId = randomUUID() } = options;
    const request = { ...this.#name(user), requestId, ...sourceOf(options) };
    const charged = await this.#connection.call((client) => client.updateCost(request), requestId);
    return {
      user: recordOf(present(charged.budget)),
      cost: dollarsOf(charged.costNanoUsd),
      overBudget: charged.overBudget,
      requestId,
    };
  }

  /** The amount spent in this period. */
  async getCurrentCost(user: string): Promise<number> {
    return dollarsOf((await this.#cost(user)).currentCostNanoUsd);
  }

  /** The amount that each model spent in this period. */
  async getModelCost(user: string): Promise<Record<string, number>> {
    const { modelCosts } = await this.#cost(user);
    return Object.fromEntries(Object.entries(modelCosts).map(([model, cost]) => [model, dollarsOf(cost)]));
  }

  /** Whether the user has a budget. */
  async isValidUser(user: string): Promise<boolean> {
    try {
      await this.#budget(user);
      return true;
    } catch (error) {
      if (error instanceof BudgetNotFoundError) return false;
      // The server refuses the name itself, so no budget can have it.
      if (error instanceof PurserError && error.metadata["field"] === "user") return false;
      throw error;
    }
  }

  /** All users with a budget, sorted by name. */
  async getUsers(): Promise<string[]> {
    const users: string[] = [];
    let pageToken = "";
    do {
      const page = { project: this.projectName, pageSize: USERS_A_PAGE, pageToken };
      const { budgets, nextPageToken } = await this.#connection.call((client) => client.listUsers(page));
      users.push(...budgets.map(({ user }) => user));
      pageToken = nextPageToken;
    } while (pageToken !== "");
    return users;
  }

  /** Ends the user's period now and starts a new one with nothing spent. */
  async resetCost(user: string): Promise<{ user: BudgetRecord }> {
    const request = { ...this.#name(user), requestId: randomUUID() };
    const reset = await this.#connection.call((client) => client.resetCost(request), request.requestId);
    return { user: recordOf(present(reset.budget)) };
  }

  /**
   * Records the user's period if it has ended. Calling it is optional: every method sees a new period in any case.
   *
   * @throws RangeError if the budget has no duration.
   */
  async resetOnDuration(user: string): Promise<void> {
    const { period } = await this.#budget(user);
    if (period === undefined) {
      throw new RangeError(`the budget of user ${JSON.stringify(user)} has no duration, so it never resets`);
    }
    await this.#connection.call((client) => client.sweepDurations(this.#name(user)));
  }

  /** Records all periods of the project that have ended. Calling it is optional. */
  async updateBudgetAllUsers(): Promise<void> {
    await this.#connection.call((client) => client.sweepDurations({ project: this.projectName }));
  }

  /** Does nothing: a result is saved before its method returns. */
  async saveData(): Promise<{ status: "success" }> {
    return { status: "success" };
  }

  /**
   * Closes the connection; later calls are refused. If a `local` manager is not closed, its process may end up to 10
   * seconds later.
   */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #name(user: string): { project: string; user: string } {
    return { project: this.projectName, user };
  }

  async #budget(user: string): Promise<Budget> {
    const { budget } = await this.#connection.call((client) => client.getBudget(this.#name(user)));
    return present(budget);
  }

  #cost(user: string): Promise<GetCurrentCostResponse> {
    return this.#connection.call((client) => client.getCurrentCost(this.#name(user)));
  }

  async #createOrGet(
    definition: Parameters<PurserClient["createBudget"]>[0] & { user: string },
  ): Promise<Budget> {
    try {
      const { budget } = await this.#connection.call((client) => client.createBudget(definition));
      return present(budget);
    } catch (error) {
      if (!(error instanceof PurserError && error.reason === "BUDGET_EXISTS")) throw error;
      return this.#budget(definition.user);
    }
  }
}

/** Every response about a budget contains the budget. */
function present(budget: Budget | undefined): Budget {
  if (budget === undefined)
    throw new Error("Purser answered without the budget: the server has an incompatible version");
  return budget;
}
