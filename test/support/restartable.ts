import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { type Program, startProgram } from "./program.ts";
import type { BudgetClient } from "./server.ts";

/** A server in a process of its own, which can be killed and started again. */
export interface Restartable extends AsyncDisposable {
  /** A client of the server that runs now, or of the next one while none does. */
  client(): Promise<BudgetClient>;
  /** SIGKILL, and a start on the same store. Ready when the promise is kept. */
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
