import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** How a test file ended. */
export interface Ended {
  readonly outcome: "passed" | "failed" | "timed out";
  readonly ms: number;
  readonly pid: number;
  /** What it printed. */
  readonly output: string;
}

/** What the test files of a run have in common, except for their time. */
export interface TestRun {
  /** The root of the copy that is tested. */
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
}

const running = new Set<ChildProcess>();
process.once("exit", () => running.forEach(killGroup));

/**
 * Runs a test file until it ends or its first test fails. Then its process is killed with all that it started: a test that
 * failed may wait for something that never comes.
 */
export async function runTest(path: string, { cwd, environment, timeoutMs }: TestRun): Promise<Ended> {
  const begun = performance.now();
  const child = spawn(process.execPath, ["--test-reporter=tap", path], {
    cwd,
    env: environment,
    // A group of its own, which can be killed as a whole.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let output = "";
  let isTimedOut = false;
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (/^ *not ok /m.test(output)) killGroup(child);
  });
  const timer = setTimeout(() => {
    isTimedOut = true;
    killGroup(child);
  }, timeoutMs);
  const [code] = (await once(child, "exit")) as [number | null];
  clearTimeout(timer);
  // What a passed test has left running would go on during the next one.
  killGroup(child);
  running.delete(child);
  const outcome = isTimedOut ? "timed out" : code === 0 ? "passed" : "failed";
  return { outcome, ms: performance.now() - begun, pid: child.pid ?? 0, output };
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group has ended.
  }
}
