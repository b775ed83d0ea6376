import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { after, before, suite, test } from "node:test";
import { sql } from "kysely";
import { type Database, openPostgres } from "../../src/store/database.ts";
import { createHosts } from "../../src/store/hosts.ts";
import { listen, notify } from "../../src/store/notifications.ts";
import { NoConnection } from "../../src/store/sessions.ts";
import { createStore } from "../../src/store/store.ts";
import { freePort, type MortalPostgres, startOwnPostgres, withClient } from "../support/postgres.ts";
import { startProgram } from "../support/program.ts";

let one: MortalPostgres;
let two: MortalPostgres;
before(async () => {
  [one, two] = await Promise.all([
    startOwnPostgres(["-c", "fsync=off"]),
    startOwnPostgres(["-c", "fsync=off"]),
  ]);
});
after(() => Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()]));

const portOf = (url: string): string => new URL(url).port;

/** A URL with these hosts. */
const urlOf = (ports: readonly string[], parameters = ""): string =>
  `postgres://postgres@${ports.map((port) => `127.0.0.1:${port}`).join(",")}/postgres${parameters}`;

const bothUrl = (parameters = ""): string => urlOf([portOf(one.url), portOf(two.url)], parameters);

/** Makes a server refuse to write, as one does that another server has replaced. Sessions see it in their next transaction. */
async function setReadOnly(server: MortalPostgres, isReadOnly: boolean): Promise<void> {
  await withClient(server.url, async (client) => {
    await client.query("set default_transaction_read_only = off");
    await client.query(`alter system set default_transaction_read_only = ${isReadOnly}`);
    await client.query("select pg_reload_conf()");
  });
  // A session reads the setting when it starts.
  for (;;) {
    const { rows } = await withClient(server.url, (client) => client.query("show transaction_read_only"));
    if ((rows[0] as { transaction_read_only: string }).transaction_read_only === (isReadOnly ? "on" : "off"))
      return;
  }
}

/** Makes a server read-only until the test has ended. */
async function readOnly(server: MortalPostgres): Promise<AsyncDisposable> {
  await setReadOnly(server, true);
  return { [Symbol.asyncDispose]: () => setReadOnly(server, false) };
}

const open = (url: string, connectionsMax = 3): Database =>
  openPostgres({ url, connectionsMax, timeoutMs: 60_000, onIdleError: () => {} });

const portUsed = async ({ kysely }: Pick<Database, "kysely">): Promise<string> => {
  const { rows } = await sql<{ port: number }>`select inet_server_port() as port`.execute(kysely);
  return String(rows[0]?.port);
};

suite("Several hosts", () => {
  test("are tried in their order, and the one that can write is used", async () => {
    {
      await using database = open(bothUrl());
      assert.equal(await portUsed(database), portOf(one.url));
      assert.equal(
        database.name,
        `PostgreSQL at 127.0.0.1:${portOf(one.url)},127.0.0.1:${portOf(two.url)}/postgres`,
      );
    }
    await using _readOnly = await readOnly(one);
    for (const parameters of ["", "?target_session_attrs=read-write"]) {
      await using database = open(bothUrl(parameters));
      assert.equal(await portUsed(database), portOf(two.url), parameters);
    }
    // A primary is used even if it is read-only at the moment, and any server is.
    for (const target of ["any", "primary"]) {
      await using database = open(bothUrl(`?target_session_attrs=${target}`));
      assert.equal(await portUsed(database), portOf(one.url), target);
    }
  });

  test("are skipped if they refuse connections, end them at once, or do not answer", async () => {
    const refusing = String(await freePort());
    await using ending = await startPort((socket) => socket.destroy());
    await using silent = await startPort(() => {});
    for (const port of [refusing, ending.port, silent.port]) {
      await using database = open(urlOf([port, portOf(two.url)]));
      const ports = await Promise.all(Array.from({ length: 3 }, () => portUsed(database)));
      assert.deepEqual(new Set(ports), new Set([portOf(two.url)]));
    }
  });

  test("are all in the error if none can be used", async () => {
    const refusing = String(await freePort());
    await using _readOnly = await readOnly(one);
    await using database = open(urlOf([refusing, portOf(one.url)]));
    await assert.rejects(portUsed(database), (error) => {
      assert.ok(error instanceof NoConnection);
      assert.equal(
        error.message,
        `no connection to PostgreSQL: 127.0.0.1:${refusing}: connect ECONNREFUSED 127.0.0.1:${refusing}; 127.0.0.1:${portOf(one.url)}: is read-only`,
      );
      return true;
    });
  });

  test("are used by the program and by prune", async () => {
    await using _readOnly = await readOnly(one);
    const environment = { DATABASE_URL: bothUrl("?target_session_attrs=read-write") };
    {
      await using program = startProgram(environment);
      const [store] = await program.saying(/store +(\S.+)\n/);
      assert.match(store ?? "", /^PostgreSQL at 127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/postgres$/);
    }
    await using prune = startProgram(environment, ["prune", "--before", "2026-01-01"]);
    assert.equal(await prune.ended(), 0, prune.stderr);
    const count = "select count(*)::int as tables from pg_tables where tablename = 'purser_migrations'";
    const tablesAt = async (server: MortalPostgres) =>
      (await withClient(server.url, (client) => client.query(count))).rows;
    assert.deepEqual([await tablesAt(one), await tablesAt(two)], [[{ tables: 0 }], [{ tables: 1 }]]);
  });
});

suite("A host that becomes read-only", () => {
  test("loses its connections, and the work is done again on the new primary", async () => {
    await using database = open(bothUrl());
    const outages: unknown[] = [];
    const store = createStore({
      database,
      retryMsMax: 60_000,
      onRetry: (error) => outages.push((error as { code?: string }).code),
    });
    // Three connections are open and idle.
    let inUse = 0;
    const allInUse = Promise.withResolvers<void>();
    const useOne = () =>
      database.kysely.connection().execute(async (connection) => {
        await portUsed({ kysely: connection });
        if (++inUse === 3) allInUse.resolve();
        await allInUse.promise;
      });
    await Promise.all([useOne(), useOne(), useOne()]);
    for (const server of [one, two])
      await withClient(server.url, (client) =>
        client.query("create table if not exists written (id integer)"),
      );
    await using _readOnly = await readOnly(one);
    const write = () =>
      store.write(async (connection) => {
        await sql`insert into written values (1)`.execute(connection);
        return portUsed({ kysely: connection });
      });
    assert.equal(await write(), portOf(two.url));
    assert.deepEqual(outages, ["25006"]);
    // The other two connections are not used again: none of these writes has to be repeated.
    assert.deepEqual(await Promise.all([write(), write(), write()]), Array(3).fill(portOf(two.url)));
    assert.deepEqual(outages, ["25006"]);
  });

  test("is left after a health check, although nothing was written", async () => {
    await using database = open(bothUrl());
    const store = createStore({ database, retryMsMax: 0 });
    assert.ok(await store.isReachable());
    await using _readOnly = await readOnly(one);
    assert.equal(await store.isReachable(), false);
    assert.ok(await store.isReachable());
    assert.equal(await portUsed(database), portOf(two.url));
  });

  test("is left by the connection that listens", { timeout: 60_000 }, async () => {
    const hosts = createHosts(bothUrl());
    const waiting: ((payload: string) => void)[] = [];
    const early: string[] = [];
    const next = (): Promise<string> =>
      new Promise((resolve) => {
        const payload = early.shift();
        if (payload === undefined) waiting.push(resolve);
        else resolve(payload);
      });
    const receive = (payload: string): void => {
      const resolve = waiting.shift();
      if (resolve === undefined) early.push(payload);
      else resolve(payload);
    };
    await using _listening = listen(hosts, receive, { firstMs: 1, longestMs: 4 });
    assert.equal(await next(), "*");
    await using _readOnly = await readOnly(one);
    hosts.drop();
    assert.equal(await next(), "*");
    await using database = open(two.url);
    await notify(database.kysely, "from two");
    assert.equal(await next(), "from two");
  });
});

/** A port that does this with each connection. */
async function startPort(accept: (socket: Socket) => void): Promise<AsyncDisposable & { port: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    accept(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: String((server.address() as { port: number }).port),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
