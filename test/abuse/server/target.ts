import assert from "node:assert/strict";
import { openEmbedded, openPostgres } from "../../../src/store/database.ts";
import { assertConserved } from "../../support/conservation.ts";
import { type LogLine, linesOf } from "../../support/log.ts";
import { type Program, startProgram } from "../../support/program.ts";
import { makeStore, type StoreKind } from "../../support/server.ts";
import { type Memory, measureMemory } from "./memory.ts";

/** The server that receives the inputs: a separate process, seen from outside. */
export interface Target extends AsyncDisposable {
  readonly program: Program;
  readonly grpcPort: number;
  readonly httpPort: number;
  /** The exit code or signal; undefined while it runs. */
  readonly end: number | string | undefined;
  /** Log lines at level error, and output that is not a log line, such as an uncaught exception. */
  complaints(): readonly string[];
  /** The count of each warning, by its text. */
  warnings(): ReadonlyMap<string, number>;
  memory(): Promise<Memory>;
  /** Stops the server as an operator would, and checks its exit code, its log and its database. */
  stop(options?: { checksLaws?: boolean }): Promise<void>;
}

const GRACE_MS = 10_000;
const GRACE_SPARE_MS = 5_000;
const ERROR_LEVEL = 50;
const WARN_LEVEL = 40;
// The output of --inspect, and a line that was not yet written to its end.
const EXPECTED = /^(?:Debugger |For help, see|Waiting for the debugger|$)/;

export async function startTarget(
  kind: StoreKind,
  environment: Record<string, string> = {},
): Promise<Target> {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await makeStore(kind));
  const program = stack.use(
    startProgram({
      ...store.environment,
      LOG_LEVEL: "warn",
      NODE_OPTIONS: "--inspect=127.0.0.1:0",
      SHUTDOWN_GRACE_MS: String(GRACE_MS),
      ...environment,
    }),
  );
  const [grpcPort, httpPort] = await program.saying(
    /gRPC +\S+:(\d+)[^]*Connect, gRPC-Web +\S+:(\d+)[^]*Try it/,
  );
  const [, debuggerUrl = ""] = /Debugger listening on (ws:\S+)/.exec(program.stderr) ?? [];
  let end: number | string | undefined;
  const ended = program.ended().then((how) => (end = how));
  const running = stack.move();
  const { pid = 0 } = program.process;

  const newLines = linesOf(program);
  const complaints: string[] = [];
  const warnings = new Map<string, number>();
  const readLog = (): void => {
    for (const line of newLines()) {
      if (!line.startsWith("{")) {
        if (!EXPECTED.test(line)) complaints.push(line);
        continue;
      }
      const entry = JSON.parse(line) as LogLine;
      if (entry.level >= ERROR_LEVEL) complaints.push(shown(entry));
      else if (entry.level === WARN_LEVEL) warnings.set(entry.msg, (warnings.get(entry.msg) ?? 0) + 1);
    }
  };
  return {
    program,
    grpcPort: Number(grpcPort),
    httpPort: Number(httpPort),
    get end() {
      return end;
    },
    complaints() {
      readLog();
      return complaints;
    },
    warnings() {
      readLog();
      return warnings;
    },
    memory: () => measureMemory(debuggerUrl, pid),
    async stop({ checksLaws = true } = {}) {
      assert.equal(end, undefined, `the server ended by itself: ${program.stderr.slice(-4000)}`);
      program.process.kill("SIGTERM");
      const late = AbortSignal.timeout(GRACE_MS + GRACE_SPARE_MS);
      const isLate = new Promise<string>((resolve) =>
        late.addEventListener("abort", () => resolve("not within its grace and 5 s")),
      );
      assert.equal(await Promise.race([ended, isLate]), 0, "the exit code of the server");
      if (checksLaws) await assertConservedIn({ ...store.environment, ...environment });
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const shown = ({ msg, err, ...rest }: LogLine): string =>
  JSON.stringify({ msg, method: rest.method, path: rest.path, err }).slice(0, 1500);

const LAW_MS_MAX = 600_000;

/** Opens the database that the server has left, and checks the laws of conservation over all of it. */
async function assertConservedIn({ DATABASE_URL, DATA_DIR = "" }: Record<string, string>): Promise<void> {
  await using database =
    DATABASE_URL === undefined
      ? await openEmbedded({ folder: DATA_DIR })
      : openPostgres({ url: DATABASE_URL, connectionsMax: 3, timeoutMs: LAW_MS_MAX, onIdleError: () => {} });
  await assertConserved(database.unlimited);
}
