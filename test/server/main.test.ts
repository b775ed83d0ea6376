import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { type ClientRequest, request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { makeDataFolder } from "../support/embedded.ts";
import { type Program, ROOT, startProgram } from "../support/program.ts";
import { makeStore } from "../support/server.ts";
import { startSilentProxy } from "../support/silent-proxy.ts";

const run = promisify(execFile);

/** The address that the program prints. */
async function addressesOf(program: Program): Promise<{ grpc: string; http: string }> {
  const [grpc, http] = await program.saying(
    /gRPC +(127\.0\.0\.1:\d+)\n.+(http:\/\/127\.0\.0\.1:\d+)\n[^]*GetCurrentCost/,
  );
  return { grpc: `http://${grpc}`, http: String(http) };
}

const clientOf = async (program: Program) =>
  createClient(BudgetService, createGrpcTransport({ baseUrl: (await addressesOf(program)).grpc }));

/** A charge whose body is not sent yet. It has certainly begun: the server has asked for the body. */
async function beginCall(http: string): Promise<ClientRequest> {
  const call = request(`${http}/budget.v1.BudgetService/UpdateCost`, {
    method: "POST",
    headers: { "content-type": "application/json", expect: "100-continue" },
  });
  call.flushHeaders();
  await once(call, "continue");
  return call;
}

/** A folder for the embedded store, deleted after the test. */
async function dataFolder(): Promise<AsyncDisposable & { environment: { DATA_DIR: string } }> {
  const folder = await makeDataFolder();
  return {
    environment: { DATA_DIR: folder },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Asserts that the program ended with code 1 and one line on standard error with the reason. */
async function assertStopped(environment: Record<string, string>, line: RegExp): Promise<void> {
  await using program = startProgram(environment);
  assert.equal(await program.ended(), 1);
  assert.equal(program.stdout, "");
  assert.match(program.stderr, /^purser: [^\n]+\n$/);
  assert.match(program.stderr, line);
}

suite("The program", { concurrency: 2 }, () => {
  test("prints its address, its store, and three commands that work unchanged", async () => {
    await using folder = await dataFolder();
    await using program = startProgram(folder.environment);
    const { grpc, http } = await addressesOf(program);
    assert.ok(program.stdout.includes(`embedded PostgreSQL in ${folder.environment.DATA_DIR}`));
    assert.match(program.stdout, /an acknowledged write survives the death of this process/);
    assert.ok(program.stdout.includes(`${http}/readyz`));
    const commands = program.stdout.match(/^ {2}npx buf curl .+$/gm) ?? [];
    assert.equal(commands.length, 3);
    const answers: Record<string, unknown>[] = [];
    for (const command of commands) {
      assert.ok(command.includes(`${grpc}/budget.v1.BudgetService/`));
      const buf = command.trim().replace(/^npx buf/, join(ROOT, "node_modules/.bin/buf"));
      const { stdout } = await run("sh", ["-c", buf]);
      answers.push(JSON.parse(stdout) as Record<string, unknown>);
    }
    assert.equal(answers[2]?.currentCostNanoUsd, "5700");
    assert.deepEqual(answers[2]?.modelCosts, { "gpt-4o-mini": "5700" });
    assert.equal(program.stderr, "");
  });

  test("refuses a folder that another process uses, and that process continues", async () => {
    await using folder = await dataFolder();
    await using program = startProgram(folder.environment);
    const client = await clientOf(program);
    await assertStopped(folder.environment, /is in use by another server; stop it, or set DATA_DIR/);
    assert.ok((await client.createBudget({ project: "p", user: "u" })).budget);
  });

  test("does not start with an invalid setting", async () => {
    await assertStopped(
      { GRPC_PORT: "eighty" },
      /GRPC_PORT="eighty" is not allowed: it must be a whole number/,
    );
    await assertStopped({ DATABASE_URL: "postgres://u:s3cret@" }, /DATABASE_URL="postgres:\/\/u:\*\*\*@"/);
  });

  test("does not start if a port is taken", async () => {
    await using folder = await dataFolder();
    await using other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const port = String((other.address() as AddressInfo).port);
    for (const name of ["GRPC_PORT", "HTTP_PORT"]) {
      const line = new RegExp(
        `${port}.*another server uses the port: stop it, or set GRPC_PORT and HTTP_PORT`,
      );
      await assertStopped({ ...folder.environment, [name]: port }, line);
    }
  });

  test("does not start if the folder cannot be created, or the database does not answer", async () => {
    await assertStopped(
      { DATA_DIR: join(ROOT, "package.json/data") },
      /the data folder \S+package\.json\/data is a file, or its path leads through a file: set DATA_DIR to a folder/,
    );
    await assertStopped(
      { DATABASE_URL: "postgres://u:s3cret@127.0.0.1:1/db" },
      /cannot start: .*ECONNREFUSED/,
    );
  });

  test("finishes the calls in flight when it is told to stop, and exits with code 0", async () => {
    await using folder = await dataFolder();
    await using program = startProgram(folder.environment);
    const { http } = await addressesOf(program);
    await (await clientOf(program)).createBudget({ project: "p", user: "u", totalBudgetNanoUsd: 9n });
    const call = await beginCall(http);
    program.process.kill("SIGTERM");
    await program.saying(/SIGTERM: finishing the calls that have begun/);
    call.end('{"project":"p","user":"u","cost":{"model":"m","costNanoUsd":"4"}}');
    const [response] = (await once(call, "response")) as [NodeJS.ReadableStream & { statusCode: number }];
    const text = (await Array.fromAsync(response)).join("");
    assert.equal(response.statusCode, 200);
    assert.equal((JSON.parse(text) as { costNanoUsd: string }).costNanoUsd, "4");
    assert.equal(await program.ended(), 0);
    await using again = startProgram(folder.environment);
    const cost = await (await clientOf(again)).getCurrentCost({ project: "p", user: "u" });
    assert.equal(cost.currentCostNanoUsd, 4n);
  });

  test("ends at once at a second signal, whatever calls are in flight", async () => {
    await using folder = await dataFolder();
    await using program = startProgram({ ...folder.environment, SHUTDOWN_GRACE_MS: "10000" });
    const { http } = await addressesOf(program);
    const cut = once(await beginCall(http), "error");
    program.process.kill("SIGTERM");
    await program.saying(/SIGTERM: finishing the calls that have begun/);
    program.process.kill("SIGINT");
    assert.equal(await program.ended(), 1);
    assert.equal(program.stderr, "");
    await cut;
  });

  test("exits even if its database never answers again", async () => {
    await using store = await makeStore("PostgreSQL");
    const url = new URL(store.environment.DATABASE_URL ?? "");
    await using proxy = await startSilentProxy(url.href);
    url.host = new URL(proxy.url).host;
    await using program = startProgram({
      DATABASE_URL: url.href,
      DATABASE_TIMEOUT_MS: "600000",
      DATABASE_RETRY_MS_MAX: "600000",
      SHUTDOWN_GRACE_MS: "0",
    });
    const client = await clientOf(program);
    await client.createBudget({ project: "p", user: "u" });
    proxy.fallSilent();
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 1n } };
    const charge = client.updateCost({ project: "p", user: "u", source });
    charge.catch(() => {});
    // The charge has begun once a later call over the same connection is answered.
    await assert.rejects(client.getBudget({ project: "", user: "u" }));
    program.process.kill("SIGTERM");
    assert.equal(await program.ended(), 1);
    assert.match(program.stderr, /purser: did not stop within 5 s; ended/);
    await assert.rejects(charge);
  });

  test("has every acknowledged charge when it restarts after SIGKILL", async () => {
    await using folder = await dataFolder();
    const name = { project: "p", user: "u" };
    const acknowledged: string[] = [];
    {
      await using program = startProgram(folder.environment);
      const client = await clientOf(program);
      await client.createBudget({ ...name, totalBudgetNanoUsd: 1n });
      const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 1n } };
      const caller = async (caller: number) => {
        for (let number = 0; ; number++) {
          const { requestId } = await client.updateCost({
            ...name,
            requestId: `${caller}-${number}`,
            source,
          });
          if (acknowledged.push(requestId) === 200) program.process.kill("SIGKILL");
        }
      };
      const outcomes = await Promise.allSettled(Array.from({ length: 16 }, (_, index) => caller(index)));
      assert.ok(outcomes.every(({ status }) => status === "rejected"));
      assert.equal(await program.ended(), "SIGKILL");
    }
    await using program = startProgram(folder.environment);
    const client = await clientOf(program);
    const { entries } = await client.listCostEntries({ ...name, pageSize: 1000 });
    const kept = new Set(entries.map(({ requestId }) => requestId));
    assert.ok(acknowledged.length >= 200);
    assert.deepEqual(
      acknowledged.filter((requestId) => !kept.has(requestId)),
      [],
    );
    const { currentCostNanoUsd, modelCosts } = await client.getCurrentCost(name);
    assert.equal(currentCostNanoUsd, BigInt(entries.length));
    assert.deepEqual(modelCosts, { m: BigInt(entries.length) });
  });
});
