import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { ORG, TEAMS, type World } from "./world.ts";

const TOTAL = 10n ** 12n;

/**
 * Creates budgets under most of the names that inputs use, in trees of three levels. Without them, most inputs would
 * only get NOT_FOUND.
 */
export async function makeBudgets(grpcPort: number, { projects, users }: World): Promise<void> {
  const client = createClient(
    BudgetService,
    createGrpcTransport({ baseUrl: `http://127.0.0.1:${grpcPort}` }),
  );
  const make = (project: string, user: string, parent: string) =>
    client.createBudget({ project, user, parent, totalBudgetNanoUsd: TOTAL });
  // The server refuses names that begin with U+FEFF.
  const isLegal = (name: string): boolean => !name.startsWith("\uFEFF");
  for (const project of projects.filter(isLegal)) {
    await make(project, ORG, "");
    await Promise.all(TEAMS.map((team) => make(project, team, ORG)));
    const rest = users.filter((user) => isLegal(user) && user !== ORG && !TEAMS.includes(user));
    // One name in five stays free for CreateBudget.
    const made = rest.filter((_, index) => index % 5 > 0);
    await Promise.all(made.map((user, index) => make(project, user, ["", ...TEAMS][index % 3] ?? "")));
  }
}
