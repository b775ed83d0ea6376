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

/** What updateCost gives. Money is US dollars. */
export interface UpdatedCost {
  /** The user's budget right after the charge. */
  user: BudgetRecord;
  /** What was charged. */
  cost: number;
  /** Whether the budget is exceeded. The charge was recorded all the same: the money was spent. */
  overBudget: boolean;
  /** The id of the charge: the one that was given, or the one that was made for it. */
  requestId: string;
}

const USERS_A_PAGE = 1000;

/**
 * The methods of LiteLLM's BudgetManager, on Purser: the budgets of one project, with money as numbers of US dollars.
 * docs/migrating.md says of each what it did there and does here.
 *
 * Every method throws BudgetNotFoundError for a user without a budget, but createBudget, isValidUser and those without a user;
 * and PurserError for what else Purser refuses, or when it stays unavailable for as long as it is asked again.
 */
export class BudgetManager implements AsyncDisposable {
  readonly projectName: string;
  readonly #connection: Connection;

  /**
   * Connects with the first call, not before.
   *
   * @throws TypeError for options that do not go together.
   */
  constructor(projectName: string, options: BudgetManagerOptions = {}) {
    this.projectName = projectName;
    this.#connection = connectionOf(options);
  }

  /**
   * Creates a user's budget, or gives the one that is there the total and the duration asked for. What was spent stays.
   *
   * @param totalBudget US dollars, 0 or more.
   * @param duration How often the budget starts anew. Absent: never.
   * @param createdAt From when periods are counted. Default: now, or as before where the budget has this duration already.
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
   * What the user would have spent after sending this prompt: the current cost and the prompt's.
   *
   * @param messages Chat messages as OpenAI's chat completions take them.
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
   * Records what a call cost, from the provider's response or from its texts. It is charged once, however often it has to be
   * sent again.
   *
   * @throws TypeError where neither is given.
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

  /** What was spent in this period. */
  async getCurrentCost(user: string): Promise<number> {
    return dollarsOf((await this.#cost(user)).currentCostNanoUsd);
  }

  /** What each model has spent in this period. */
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
      // No budget can have such a name.
      if (error instanceof PurserError && error.metadata["field"] === "user") return false;
      throw error;
    }
  }

  /** Everybody who has a budget, in order. */
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

  /** Closes the user's period now, and opens one with nothing spent. */
  async resetCost(user: string): Promise<{ user: BudgetRecord }> {
    const request = { ...this.#name(user), requestId: randomUUID() };
    const reset = await this.#connection.call((client) => client.resetCost(request), request.requestId);
    return { user: recordOf(present(reset.budget)) };
  }

  /**
   * Writes down the user's period if it has ended. Nobody needs to call it: every method sees a new period by itself.
   *
   * @throws RangeError where the budget has no duration.
   */
  async resetOnDuration(user: string): Promise<void> {
    const { period } = await this.#budget(user);
    if (period === undefined) {
      throw new RangeError(
        `the budget of user ${JSON.stringify(user)} has no duration, and never starts anew`,
      );
    }
    await this.#connection.call((client) => client.sweepDurations(this.#name(user)));
  }

  /** Writes down all periods of the project that have ended. Nobody needs to call it. */
  async updateBudgetAllUsers(): Promise<void> {
    await this.#connection.call((client) => client.sweepDurations({ project: this.projectName }));
  }

  /** There is nothing left to save: whatever a method has answered is kept. */
  async saveData(): Promise<{ status: "success" }> {
    return { status: "success" };
  }

  /**
   * Closes what was opened in this process; calls after it are refused. A process that leaves a `local` one open may end 10
   * seconds late.
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

/** Every answer about a budget has it. */
function present(budget: Budget | undefined): Budget {
  if (budget === undefined)
    throw new Error("Purser answered without the budget: it is no server of this version");
  return budget;
}
