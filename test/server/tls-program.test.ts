import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { get } from "node:https";
import { join } from "node:path";
import { suite, test } from "node:test";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { createOriginPolicy } from "../../src/server/origin.ts";
import { createAuthority, createTlsFolder, type TlsFolder } from "../support/certificates.ts";
import { makeDataFolder } from "../support/embedded.ts";
import { logged } from "../support/log.ts";
import { type Program, ROOT, startProgram } from "../support/program.ts";
import { makeStore } from "../support/server.ts";

const run = promisify(execFile);
const authority = createAuthority("authority");
const own = authority.issue();

/** The environment of a server with TLS, without client certificates: their callers would need a key. */
const environmentOf = ({ environment: { TLS_CERT_FILE, TLS_KEY_FILE } }: TlsFolder) => ({
  TLS_CERT_FILE,
  TLS_KEY_FILE,
  LOG_LEVEL: "info",
});

async function dataFolder(): Promise<AsyncDisposable & { environment: Record<string, string> }> {
  const folder = await makeDataFolder();
  return {
    environment: { DATA_DIR: folder },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function addressesOf(program: Program): Promise<{ grpc: string; http: string }> {
  const [grpc, http] = await program.saying(
    /gRPC +(127\.0\.0\.1:\d+) \(TLS\)\n.+(https:\/\/127\.0\.0\.1:\d+)\n[^]*GetCurrentCost/,
  );
  return { grpc: `https://${grpc}`, http: String(http) };
}

/** The certificate that a port shows, as its serial number. */
async function serialAt(url: string): Promise<string | undefined> {
  const { port } = new URL(url);
  const socket = connect({ host: "127.0.0.1", port: Number(port), ca: authority.cert });
  await once(socket, "secureConnect");
  const serial = socket.getPeerX509Certificate()?.serialNumber;
  socket.destroy();
  return serial;
}

suite("The program with TLS", { concurrency: 2 }, () => {
  test("prints addresses with https, and commands that work unchanged; its health checks answer", async () => {
    await using folder = await createTlsFolder(own, authority.cert);
    await using data = await dataFolder();
    await using program = startProgram({ ...data.environment, ...environmentOf(folder) });
    const { grpc, http } = await addressesOf(program);
    const commands = program.stdout.match(/^ {2}npx buf curl .+$/gm) ?? [];
    assert.equal(commands.length, 3);
    for (const command of commands) {
      assert.ok(command.includes(`${grpc}/budget.v1.BudgetService/`));
      await run("sh", ["-c", command.trim().replace(/^npx buf/, join(ROOT, "node_modules/.bin/buf"))]);
    }
    for (const path of ["/healthz", "/readyz"]) {
      const call = get(`${http}${path}`, { ca: authority.cert, agent: false });
      const [response] = (await once(call, "response")) as [{ statusCode: number; resume(): void }];
      response.resume();
      assert.equal(response.statusCode, 200);
    }
  });

  test("reads its certificate again on SIGHUP and when the files change, and each worker does", async () => {
    await using folder = await createTlsFolder(own, authority.cert);
    await using store = await makeStore("PostgreSQL");
    await using program = startProgram({ ...store.environment, ...environmentOf(folder), WORKERS: "2" });
    const { grpc, http } = await addressesOf(program);
    const shown = new Set([await serialAt(http), await serialAt(grpc)]);
    let lines = 0;
    for (const signal of ["SIGHUP", undefined] as const) {
      const fresh = authority.issue();
      await folder.write("key", fresh.key);
      await folder.write("cert", fresh.cert);
      if (signal !== undefined) program.process.kill(signal);
      lines += 2;
      await logged(program, "the TLS certificate was read again", lines);
      const serials = new Set([
        await serialAt(http),
        await serialAt(http),
        await serialAt(grpc),
        await serialAt(grpc),
      ]);
      assert.equal(serials.size, 1);
      for (const serial of serials) shown.add(serial);
    }
    assert.equal(shown.size, 3);
  });

  test("does not start with files that cannot be used, and says why in one line", async () => {
    await using folder = await createTlsFolder(own, authority.cert);
    await using data = await dataFolder();
    await folder.write("key", authority.issue().key);
    const environment = { ...data.environment, ...environmentOf(folder), LOG_LEVEL: "silent" };
    await using program = startProgram(environment);
    assert.equal(await program.ended(), 1);
    assert.match(program.stderr, /^purser: TLS_KEY_FILE="\S+" is not the key of TLS_CERT_FILE="\S+"\n$/);
  });
});

suite("A page in a browser", () => {
  const refusal = (hasTls: boolean, origin: string): string | undefined =>
    createOriginPolicy({ hasTls, host: "127.0.0.1", httpHosts: ["purser.example"], corsOrigins: [] }).refusal(
      {
        host: "purser.example:8080",
        origin,
      },
    );

  test("comes from a server with TLS if its scheme is https, and from one behind a proxy with any", () => {
    assert.equal(refusal(true, "https://purser.example:8080"), undefined);
    assert.match(refusal(true, "http://purser.example:8080") ?? "", /pages of the origin/);
    assert.match(refusal(true, "https://purser.example:8081") ?? "", /pages of the origin/);
    assert.equal(refusal(false, "https://purser.example:8080"), undefined);
    assert.equal(refusal(false, "http://purser.example:8080"), undefined);
    assert.match(refusal(false, "ftp://purser.example:8080") ?? "", /pages of the origin/);
  });
});
