import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { sql } from "kysely";
import pg from "pg";
import pino from "pino";
import { loadConfig } from "../../src/config.ts";
import { openDatabase } from "../../src/server/server.ts";
import { openPostgres } from "../../src/store/database.ts";
import { createHosts } from "../../src/store/hosts.ts";
import { listen, notify } from "../../src/store/notifications.ts";
import { withTimeLimits } from "../../src/store/sessions.ts";
import { startPostgres, withClient } from "../support/postgres.ts";

const stack = new AsyncDisposableStack();
let url: string;
before(async () => {
  url = await stack.use(await startPostgres()).createDatabase();
});
after(() => stack.disposeAsync());

/** Ends the connections of Purser's programs with this name, and waits until they have ended. */
const terminate = (application: string): Promise<unknown> =>
  withClient(url, (client) =>
    client.query(
      `select pg_terminate_backend(pid, 60000) from pg_stat_activity
        where application_name = $1 and datname = current_database()`,
      [application],
    ),
  );

/** Collects values, and waits for the next one. */
function collector<T>() {
  const values: T[] = [];
  let arrived = Promise.withResolvers<void>();
  return {
    add: (value: T) => {
      values.push(value);
      arrived.resolve();
    },
    next: async (): Promise<T> => {
      while (values.length === 0) {
        await arrived.promise;
        arrived = Promise.withResolvers();
      }
      return values.shift() as T;
    },
    rest: () => values,
  };
}

describe("an idle connection that PostgreSQL closes", () => {
  it("is reported in the log, and replaced for the next statement", { timeout: 30_000 }, async () => {
    const lines = collector<{ level: number; msg: string; err: { code: string } }>();
    const log = pino({ level: "debug" }, { write: (text: string) => lines.add(JSON.parse(text)) });
    await using database = await openDatabase(loadConfig({ DATABASE_URL: url }), log);
    await sql`select 1`.execute(database.kysely);
    await terminate("purser");
    const { level, msg, err } = await lines.next();
    // 57P01: admin_shutdown. Level 20 is debug.
    assert.deepEqual([level, msg, err.code], [20, "an idle connection to PostgreSQL was lost", "57P01"]);
    assert.deepEqual((await sql`select 2 as n`.execute(database.kysely)).rows, [{ n: 2 }]);
    assert.deepEqual(lines.rest(), []);
  });
});

describe("a connection whose statement was not answered in time", () => {
  it("gets no ROLLBACK, which would not be answered either, and is not used again", async () => {
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    stack.defer(() => pool.end());
    const sent: string[] = [];
    pool.on("connect", (client) => {
      client.on("error", () => {});
      const query = client.query.bind(client) as (config: { text: string }) => Promise<unknown>;
      client.query = ((config: { text: string }) => {
        sent.push(config.text);
        return query(config);
      }) as unknown as typeof client.query;
    });
    const limited = withTimeLimits(pool, createHosts(url), { answerMs: 200, idleMs: 60_000 });
    const connection = await limited.connect();
    await connection.query("begin", []);
    const fail = (text: string): Promise<unknown> =>
      connection.query(text, []).catch((error: Error) => error);
    const error = await fail("select pg_sleep(3600)");
    // Kysely ends a failed transaction like this.
    const again = await fail("rollback");
    connection.release();
    assert.equal((error as Error).name, "NoAnswer");
    assert.equal(again, error);
    assert.deepEqual(sent, [
      "begin isolation level read committed; set local idle_in_transaction_session_timeout = 60000",
      "select pg_sleep(3600)",
    ]);
    assert.equal(pool.totalCount, 0);
  });

  it("goes back to the pool if it has answered, even with an error", async () => {
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    stack.defer(() => pool.end());
    const limited = withTimeLimits(pool, createHosts(url), { answerMs: 60_000, idleMs: 60_000 });
    const connection = await limited.connect();
    await assert.rejects(connection.query("select 1 / 0", []), { code: "22012" });
    connection.release();
    assert.deepEqual([pool.totalCount, pool.idleCount], [1, 1]);
  });
});

/** A port in front of PostgreSQL. It closes the first `refusals` connections, and passes the others on. */
async function startFlakyPort(
  refusals: number,
): Promise<{ url: string; accepted: () => number } & AsyncDisposable> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server: Server = createServer((client) => {
    accepted++;
    if (accepted <= refusals) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on("error", () => {}));
    client.pipe(upstream).pipe(client);
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as { port: number };
  return {
    url: Object.assign(new URL(url), { port: String(address.port) }).href,
    accepted: () => accepted,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

describe("listening for changes of other servers", () => {
  const pauses = { firstMs: 1, longestMs: 4 };

  it("connects again when the connection is lost, and then wakes everybody", {
    timeout: 60_000,
  }, async () => {
    const payloads: string[] = [];
    await using database = openPostgres({ url, connectionsMax: 1, timeoutMs: 60_000, onIdleError: () => {} });
    await using _listening = listen(createHosts(url), (payload) => payloads.push(payload), pauses);
    for (const probe of ["first", "second", "third"]) {
      // Repeats it, because a notification from before the connection is missed.
      while (!payloads.includes(probe)) await notify(database.kysely, probe);
      // It may be read together with the answer to LISTEN, after which everybody is woken.
      await turn();
      const woken = payloads.filter((payload) => payload === "*");
      assert.deepEqual(woken, ["*"], `before the ${probe} notification that arrived`);
      payloads.length = 0;
      await terminate("purser listen");
    }
  });

  it("tries until a connection succeeds", { timeout: 30_000 }, async () => {
    await using flaky = await startFlakyPort(3);
    const payloads = collector<string>();
    await using _listening = listen(createHosts(flaky.url), payloads.add, pauses);
    assert.equal(await payloads.next(), "*");
    assert.equal(flaky.accepted(), 4);
  });

  it("ends when it is disposed, and does not connect again", { timeout: 30_000 }, async () => {
    await using flaky = await startFlakyPort(0);
    const payloads = collector<string>();
    const listening = listen(createHosts(flaky.url), payloads.add, pauses);
    assert.equal(await payloads.next(), "*");
    await listening[Symbol.asyncDispose]();
    // A later connection to the same port shows that the lost one was not replaced in between.
    const other = collector<string>();
    await using _other = listen(createHosts(flaky.url), other.add, pauses);
    assert.equal(await other.next(), "*");
    assert.equal(flaky.accepted(), 2);
  });
});
