import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export type Purser = Client<typeof BudgetService>;

/**
 * Starts a server with the embedded store in a separate process, until the stack is disposed. Returns a function that
 * creates clients, each with its own connection.
 */
export async function startServer(stack: AsyncDisposableStack): Promise<() => Purser> {
  const folder = await mkdtemp(join(tmpdir(), "purser-bench-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const server = spawn(process.execPath, ["src/main.ts"], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], DATA_DIR: folder, GRPC_PORT: "0", HTTP_PORT: "0", LOG_LEVEL: "error" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "close");
  stack.defer(async () => {
    server.kill("SIGTERM");
    await ended;
  });
  let said = "";
  server.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  for (;;) {
    const [, port] = /gRPC\D+[\d.]*:(\d+)/.exec(said) ?? [];
    if (port !== undefined) {
      const baseUrl = `http://127.0.0.1:${port}`;
      return () => createClient(BudgetService, createGrpcTransport({ baseUrl }));
    }
    await Promise.race([once(server.stdout, "data"), ended]);
    if (server.exitCode !== null) throw new Error(`the server ended: ${said}`);
  }
}
