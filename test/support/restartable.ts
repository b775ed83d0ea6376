import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { type Program, startProgram } from "./program.ts";
import type { BudgetClient } from "./server.ts";

/** A server in a separate process, which can be killed and restarted. */
export interface Restartable extends AsyncDisposable {
  /** A client of the current server, or of the next one while none runs. */
  client(): Promise<BudgetClient>;
  /** Sends SIGKILL, and restarts the server on the same store. Resolves when it is ready. */
  killAndRestart(): Promise<void>;
}

export async function startRestartable(environment: Record<string, string>): Promise<Restartable> {
  const begin = async (): Promise<{ program: Program; client: BudgetClient }> => {
    const program = startProgram(environment);
    const [address] = await program.saying(/gRPC +(\S+)[^]*Try it/);
    const transport = createGrpcTransport({ baseUrl: `http://${address}` });
    return { program, client: createClient(BudgetService, transport) };
  };
  let running = begin();
  const kill = async (): Promise<void> => (await running).program[Symbol.asyncDispose]();
  await running;
  return {
    client: async () => (await running).client,
    async killAndRestart() {
      await kill();
      running = begin();
      await running;
    },
    [Symbol.asyncDispose]: kill,
  };
}
