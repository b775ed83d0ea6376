import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { suite, test } from "node:test";
import { Role } from "../../gen/es/budget/v1/key_pb.ts";
import { openLocal } from "../../src/client/index.ts";
import { makeSecret } from "../../src/server/keys/secret.ts";
import { ExposedError } from "../../src/server/server.ts";
import { EVERY_WAY } from "../support/api.ts";
import { makeDataFolder } from "../support/embedded.ts";
import { assertInvalid } from "../support/errors.ts";
import { clientsWith, outcomeOf } from "../support/keys.ts";
import { startProgram } from "../support/program.ts";
import { rawGrpc } from "../support/raw-grpc.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

/** A folder for the embedded store, deleted after the test. */
async function dataFolder(): Promise<AsyncDisposable & { DATA_DIR: string }> {
  const DATA_DIR = await makeDataFolder();
  return { DATA_DIR, [Symbol.asyncDispose]: () => rm(DATA_DIR, { recursive: true, force: true }) };
}

const createFirst = (server: TestServer) =>
  clientsWith(server, undefined).keys.createKey({ name: "the first key", role: Role.OPERATOR });

/** An address that others can reach. */
const OPEN = { HOST: "0.0.0.0" };

suite("A server without keys", { concurrency: 2 }, () => {
  test("creates no first key that could not create others", async () => {
    await using folder = await dataFolder();
    await using server = await startTestServer({ DATA_DIR: folder.DATA_DIR });
    for (const way of EVERY_WAY) {
      const { keys, budgets } = clientsWith(server, undefined, way);
      for (const role of [Role.READER, Role.SPENDER, Role.ADMIN])
        await assertInvalid(keys.createKey({ project: "p", name: "a key", role }), "role", /first key/);
      // It still serves everybody.
      assert.equal(await outcomeOf(budgets.listUsers({ project: "p" })), "ok");
    }
    const { secret, key } = await createFirst(server);
    assert.equal(key?.creator, "anonymous");
    for (const way of EVERY_WAY) {
      assert.equal(await outcomeOf(clientsWith(server, undefined, way).keys.listKeys({})), "KEY_MISSING");
      assert.equal(await outcomeOf(clientsWith(server, secret, way).keys.listKeys({})), "ok");
    }
  });

  test("refuses a key all the same, because nobody has it", async () => {
    await using folder = await dataFolder();
    await using server = await startTestServer({ DATA_DIR: folder.DATA_DIR });
    for (const way of EVERY_WAY)
      assert.equal(
        await outcomeOf(clientsWith(server, makeSecret(), way).budgets.listUsers({ project: "p" })),
        "KEY_INVALID",
      );
  });

  test("does not start on an address that others can reach", async () => {
    await using folder = await dataFolder();
    const { DATA_DIR } = folder;
    await assert.rejects(startTestServer({ DATA_DIR, ...OPEN }), ExposedError);
    await assert.rejects(startTestServer({ DATA_DIR, HOST: "::" }), ExposedError);
    // It starts if everybody is let in on purpose, or somebody has a key: the operator's key, or one in the database.
    const settings: Record<string, string>[] = [{ INSECURE: "1" }, { PURSER_OPERATOR_KEY: makeSecret() }];
    for (const setting of settings)
      await (await startTestServer({ DATA_DIR, ...OPEN, ...setting }))[Symbol.asyncDispose]();
    await using loopback = await startTestServer({ DATA_DIR });
    const { key, secret } = await createFirst(loopback);
    const { keys } = clientsWith(loopback, secret);
    // A key that is revoked still keeps callers without a key out.
    await keys.revokeKey({ keyId: key?.keyId ?? "" });
    await loopback[Symbol.asyncDispose]();
    await using open = await startTestServer({ DATA_DIR, ...OPEN });
    assert.equal(await outcomeOf(clientsWith(open, undefined).keys.listKeys({})), "KEY_MISSING");
    assert.equal(await outcomeOf(clientsWith(open, secret).keys.listKeys({})), "KEY_INVALID");
  });

  test("says as a program what to set, and ends with code 1", async () => {
    await using folder = await dataFolder();
    await using program = startProgram({ DATA_DIR: folder.DATA_DIR, ...OPEN });
    assert.equal(await program.ended(), 1);
    assert.equal(program.stdout, "");
    assert.match(
      program.stderr,
      /^purser: HOST=0\.0\.0\.0 [^\n]*PURSER_OPERATOR_KEY[^\n]*INSECURE=1[^\n]*\n$/,
    );
  });

  test("does not show a malformed PURSER_OPERATOR_KEY, as a program", async () => {
    const secret = `${makeSecret()}x`;
    await using program = startProgram({ PURSER_OPERATOR_KEY: secret });
    assert.equal(await program.ended(), 1);
    assert.match(
      program.stderr,
      /^purser: PURSER_OPERATOR_KEY="\*\*\*" is not allowed: it must be pk_ and 43/,
    );
    assert.ok(!program.stderr.includes(secret.slice(3, 20)));
  });
});

suite("A server with keys", { concurrency: 2 }, () => {
  test("tells everybody whether it is healthy and what it serves", async () => {
    await using folder = await dataFolder();
    await using server = await startTestServer({
      DATA_DIR: folder.DATA_DIR,
      PURSER_OPERATOR_KEY: makeSecret(),
    });
    for (const path of ["/healthz", "/readyz"])
      assert.equal((await fetch(`${server.httpUrl}${path}`)).status, 200, path);
    using raw = rawGrpc(server.grpcUrl);
    const serving = Buffer.from([0x08, 0x01]);
    assert.deepEqual(await raw.call("/grpc.health.v1.Health/Check", new Uint8Array()), serving);
    const listServices = Buffer.from([0x3a, 0x00]);
    const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    const answer = (await raw.stream(path, listServices)).toString();
    assert.match(answer, /budget\.v1\.BudgetService/);
    assert.match(answer, /budget\.v1\.KeyService/);
  });

  test("permits everything to a client in the same process", async () => {
    await using folder = await dataFolder();
    const { DATA_DIR } = folder;
    {
      await using server = await startTestServer({ DATA_DIR });
      await createFirst(server);
    }
    await using local = await openLocal({ dataDir: DATA_DIR });
    await local.client.createBudget({ project: "p", user: "u" });
    assert.equal(await outcomeOf(local.client.sweepDurations({})), "ok");
  });
});
