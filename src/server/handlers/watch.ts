import { watchBudget } from "../../engine/read/watch.ts";
import { budgetToMessage, versionOf } from "../convert.ts";
import type { Handlers } from "../pipeline.ts";
import { checkBudgetName } from "./budgets.ts";
import type { Services } from "./services.ts";

/** Handler of WatchBudget. */
export const watchHandlers = (services: Services): Pick<Handlers, "watchBudget"> => ({
  async *watchBudget(request, { signal }) {
    const name = checkBudgetName(request);
    const isKnown = (budget: Parameters<typeof versionOf>[0]): boolean =>
      versionOf(budget) === request.lastVersion;
    for await (const budget of watchBudget(services, name, isKnown, signal ?? new AbortController().signal)) {
      yield { budget: budgetToMessage(budget) };
    }
  },
});
