import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/postgres.ts";

/** A real PgBouncer in transaction mode, in front of a database. */
export interface PgBouncer extends AsyncDisposable {
  /** The URL of the database through the pooler. */
  readonly url: string;
  /** The pooler's admin console. */
  readonly consoleUrl: string;
  /** The pooler's log so far. */
  readonly log: string;
}

const NOBODY = 65534;

/** @param poolSize The maximum number of sessions that it keeps with PostgreSQL. */
export async function startPgBouncer(databaseUrl: string, poolSize: number): Promise<PgBouncer> {
  const database = new URL(databaseUrl);
  const folder = await mkdtemp(join(tmpdir(), "purser-pgbouncer-"));
  const file = join(folder, "pgbouncer.ini");
  const port = await freePort();
  await writeFile(
    file,
    `[databases]
* = host=${database.hostname} port=${database.port} user=${database.username}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
admin_users = ${database.username}
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 500
server_check_delay = 0
`,
  );
  // PgBouncer refuses to run as root.
  await Promise.all([chmod(folder, 0o755), chmod(file, 0o644)]);
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const child = spawn("pgbouncer", [file], { ...user, cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  await untilUp(child, () => log);
  const urlOf = (pathname: string): string =>
    Object.assign(new URL(databaseUrl), { port: String(port), pathname }).href;
  return {
    url: urlOf(database.pathname),
    consoleUrl: urlOf("/pgbouncer"),
    get log() {
      return log;
    },
    async [Symbol.asyncDispose]() {
      process.off("exit", kill);
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilUp(child: ChildProcess, log: () => string): Promise<void> {
  const failed = Promise.race([
    once(child, "error").then(([error]: unknown[]) => {
      throw new Error(
        "pgbouncer cannot be run, so nothing was tested; on Debian: apt-get install pgbouncer",
        {
          cause: error,
        },
      );
    }),
    once(child, "exit").then(() => {
      throw new Error(`pgbouncer did not start: ${log()}`);
    }),
  ]);
  // A failure is reported here, or not at all.
  failed.catch(() => {});
  while (!log().includes("process up")) {
    await Promise.race([once(child.stderr ?? child, "data"), failed]);
  }
}
