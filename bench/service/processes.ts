import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import type { LoadResult, LoadTask } from "./load.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A server in a separate process. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  /** Where HTTP is served, if it is. */
  readonly httpUrl: string;
  readonly client: Client<typeof BudgetService>;
  readonly pid: number;
}

/** Starts Purser on free ports, in the same way as `npm start`. */
export const startPurser = (environment: Readonly<Record<string, string>>): Promise<ServerProcess> =>
  startServer("src/main.ts", environment);

/** Starts the same gRPC server with handlers that do nothing. */
export const startNoop = (): Promise<ServerProcess> => startServer("bench/service/noop.ts", {});

async function startServer(
  script: string,
  environment: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [...profiling(), script], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, GRPC_PORT: "0", HTTP_PORT: "0", LOG_LEVEL: "warn", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  endWithThisProcess(child);
  const { grpc, http } = await addressesOf(child, script);
  const url = `http://${grpc}`;
  return {
    url,
    httpUrl: `http://${http}`,
    pid: child.pid ?? 0,
    client: createClient(BudgetService, createGrpcTransport({ baseUrl: url })),
    [Symbol.asyncDispose]: () => stop(child),
  };
}

/** BENCH_CPU_PROFILE names a folder. Each server then writes a CPU profile of its run to it. */
function profiling(): string[] {
  const folder = process.env.BENCH_CPU_PROFILE ?? "";
  return folder === "" ? [] : ["--cpu-prof", `--cpu-prof-dir=${folder}`];
}

function addressesOf(child: ChildProcess, script: string): Promise<{ grpc: string; http: string }> {
  let said = "";
  return new Promise((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      said += String(chunk);
      const [, address] = /gRPC\D*(\d+\.\d+\.\d+\.\d+:\d+)/i.exec(said) ?? [];
      const [, http = ""] = /Connect\D*(\d+\.\d+\.\d+\.\d+:\d+)/.exec(said) ?? [];
      if (address !== undefined) resolve({ grpc: address, http });
    });
    child.once("exit", () => reject(new Error(`${script} did not start: ${said}`)));
  });
}

/** A separate process for the load, so that its CPU time does not count as the server's. */
export interface LoadProcess extends AsyncDisposable {
  run(task: LoadTask): Promise<LoadResult>;
}

export function startLoadProcess(): LoadProcess {
  const child = fork(fileURLToPath(new URL("load.worker.ts", import.meta.url)), {
    serialization: "advanced",
  });
  endWithThisProcess(child);
  return {
    async run(task) {
      child.send(task);
      const [result] = (await once(child, "message")) as [LoadResult];
      return result;
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
}

function endWithThisProcess(child: ChildProcess): void {
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
