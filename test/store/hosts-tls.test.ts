import assert from "node:assert/strict";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { sql } from "kysely";
import { type Database, openPostgres } from "../../src/store/database.ts";
import { createHosts } from "../../src/store/hosts.ts";
import { createAuthority } from "../support/certificates.ts";
import { type MortalPostgres, startOwnPostgres, startPostgres } from "../support/postgres.ts";
import { startProgram } from "../support/program.ts";

const open = (url: string): Database =>
  openPostgres({ url, connectionsMax: 1, timeoutMs: 60_000, onIdleError: () => {} });

suite("TLS towards PostgreSQL", () => {
  const authority = createAuthority("database authority");
  const stranger = createAuthority("another authority");
  let folder: string;
  let server: MortalPostgres;
  let port: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "purser-postgres-tls-"));
    // The certificate has the name localhost only.
    const pair = authority.issue({ isByNameOnly: true });
    const files = { cert: pair.cert, key: pair.key, ca: authority.cert, stranger: stranger.cert };
    for (const [name, pem] of Object.entries(files))
      await writeFile(join(folder, name), pem, { mode: 0o600 });
    // PostgreSQL runs as another user under root.
    if (process.getuid?.() === 0)
      for (const name of ["", "cert", "key"]) await chown(join(folder, name), 65534, 65534);
    const settings = { ssl: "on", ssl_cert_file: join(folder, "cert"), ssl_key_file: join(folder, "key") };
    server = await startOwnPostgres(
      Object.entries({ ...settings, fsync: "off" }).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    );
    port = new URL(server.url).port;
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  /** Whether the connection is encrypted, or why there is none. */
  async function connected(host: string, parameters: string): Promise<unknown> {
    await using database = open(`postgres://postgres@${host}:${port}/postgres?${parameters}`);
    const query = sql<{ ssl: boolean }>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`;
    return await query.execute(database.kysely).then(
      ({ rows }) => rows[0]?.ssl,
      (error: Error) => error.message,
    );
  }

  test("means what it means for libpq", async () => {
    const ca = `sslrootcert=${join(folder, "ca")}`;
    const other = `sslrootcert=${join(folder, "stranger")}`;
    const rows: [host: string, parameters: string, result: boolean | RegExp][] = [
      ["localhost", `sslmode=verify-full&${ca}`, true],
      ["127.0.0.1", `sslmode=verify-full&${ca}`, /IP: 127\.0\.0\.1 is not in the cert's list/],
      ["localhost", `sslmode=verify-full&${other}`, /unable to verify|self-signed/],
      ["localhost", "sslmode=verify-full", /unable to verify|self-signed/],
      ["127.0.0.1", `sslmode=verify-ca&${ca}`, true],
      ["localhost", `sslmode=verify-ca&${other}`, /unable to verify|self-signed/],
      ["127.0.0.1", "sslmode=require", true],
      // libpq: a file of authorities turns `require` into `verify-ca`.
      ["127.0.0.1", `sslmode=require&${ca}`, true],
      ["localhost", `sslmode=require&${other}`, /unable to verify|self-signed/],
      ["127.0.0.1", "sslmode=no-verify", true],
      ["127.0.0.1", "sslmode=disable", false],
    ];
    for (const [host, parameters, result] of rows) {
      const found = await connected(host, parameters);
      if (typeof result === "boolean") assert.equal(found, result, parameters);
      else assert.match(String(found), result, parameters);
    }
  });

  test("is refused by a server without it, rather than left out", async () => {
    await using postgres = await startPostgres();
    await using database = open(`${postgres.url}?sslmode=require`);
    await assert.rejects(
      sql`select 1`.execute(database.kysely),
      /The server does not support SSL connections/,
    );
  });

  test("goes on when the file of authorities is replaced, and while it is missing", async () => {
    const path = join(folder, "replaced");
    await writeFile(path, authority.cert);
    const hosts = createHosts(
      `postgres://postgres@localhost:${port}/postgres?sslmode=verify-full&sslrootcert=${path}`,
    );
    const connect = async (): Promise<void> => {
      const client = new hosts.Client();
      await client.connect();
      await client.end();
    };
    await connect();
    await rm(path);
    await connect();
    await writeFile(path, stranger.cert);
    await assert.rejects(connect(), /unable to verify|self-signed/);
  });

  test("warns of nothing on standard error, and says in the log if nobody is checked", async () => {
    const start = async (parameters: string): Promise<string> => {
      const DATABASE_URL = `postgres://postgres@localhost:${port}/postgres?${parameters}`;
      await using program = startProgram({ DATABASE_URL, LOG_LEVEL: "warn" });
      await program.saying(/Purser is ready/);
      return program.stderr;
    };
    assert.equal(await start(`sslmode=verify-full&sslrootcert=${join(folder, "ca")}`), "");
    assert.match(await start("sslmode=require"), /^\{[^\n]*anybody on the network path[^\n]*\}\n$/);
  });
});
