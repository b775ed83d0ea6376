import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** `node src/main.ts`, with optional arguments, as a separate process. Disposing kills it if it still runs. */
export interface Program extends AsyncDisposable {
  readonly process: ChildProcess;
  /** Its output so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Waits until its output matches, and returns the groups of the pattern. */
  saying(pattern: RegExp): Promise<string[]>;
  /** Waits for its end, and returns the exit code, or the name of the signal that killed it. */
  ended(): Promise<number | string>;
}

export function startProgram(environment: Record<string, string>, args: readonly string[] = []): Program {
  const process = spawn(globalThis.process.execPath, ["src/main.ts", ...args], {
    cwd: ROOT,
    env: {
      PATH: globalThis.process.env.PATH,
      GRPC_PORT: "0",
      HTTP_PORT: "0",
      LOG_LEVEL: "silent",
      // A watcher that gets an answer was notified of the change.
      WATCH_POLL_MS: "86400000",
      ...environment,
    },
  });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
    });
  }
  const closed = once(process, "close") as Promise<[number | null, string | null]>;
  return {
    process,
    get stdout() {
      return said.stdout;
    },
    get stderr() {
      return said.stderr;
    },
    async saying(pattern) {
      for (;;) {
        const match = pattern.exec(said.stdout);
        if (match !== null) return match.slice(1);
        await Promise.race([once(process.stdout, "data"), closed.then(() => quit(said))]);
      }
    },
    async ended() {
      const [code, signal] = await closed;
      return code ?? String(signal);
    },
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await closed;
    },
  };
}

function quit(said: { stdout: string; stderr: string }): never {
  throw new Error(`the program ended: ${said.stdout}${said.stderr}`);
}
