import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConnectError } from "@connectrpc/connect";
import { sql } from "kysely";
import pino from "pino";
import { Role } from "../../gen/es/budget/v1/key_pb.ts";
import { hashOf, makeSecret } from "../../src/server/keys/secret.ts";
import { EVERY_WAY } from "../support/api.ts";
import { errorOf, told } from "../support/errors.ts";
import { callMethod, clientsWith, dumpOf, headerOf, transportOf } from "../support/keys.ts";
import { makeStore } from "../support/server.ts";
import { methodOf, TABLE, type TargetName } from "./table.ts";
import { makeWorld, type PermissionsWorld } from "./world.ts";

/** Makes every call with a credential, over every transport, and returns all that the caller is told of errors. */
async function errorsOf(world: PermissionsWorld, headers: Record<string, string>): Promise<string[]> {
  const errors: string[] = [];
  for (const [name, row] of Object.entries(TABLE)) {
    const method = methodOf(name);
    const request = row.request(world.target(row.targets[0] as TargetName));
    if (name.startsWith("/")) {
      const response = await fetch(`${world.server.httpUrl}${name}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(request),
      });
      errors.push(`${await response.text()} ${JSON.stringify([...response.headers])}`);
      continue;
    }
    for (const way of EVERY_WAY) {
      await callMethod(transportOf(world.server, way), method, request, headers).catch((error: unknown) => {
        assert.ok(error instanceof ConnectError);
        errors.push(`${error.message} ${JSON.stringify([told(error), ...error.metadata])}`);
      });
    }
  }
  return errors;
}

suite("The secret of a key", () => {
  for (const kind of ["PGlite", "PostgreSQL"] as const) {
    test(`is in no line of the log, in no error and in no row, on ${kind}`, async () => {
      await using store = await makeStore(kind);
      const lines: string[] = [];
      const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
      await using world = await makeWorld({ ...store.environment, DATABASE_RETRY_MS_MAX: "0" }, log);
      const { server, operatorKey, secrets } = world;
      const { kysely } = server.database;
      const wrong = makeSecret();
      const malformed = `${makeSecret()}!`;
      const { secret: unread } = await clientsWith(server, operatorKey).keys.createKey({
        project: "p",
        name: "read by no server yet",
        role: Role.ADMIN,
      });
      const basic = Buffer.from(`user:${wrong}`).toString("base64");
      const shown: string[] = [];
      for (const secret of [secrets.admin, secrets["bound reader"], wrong, malformed])
        shown.push(...(await errorsOf(world, headerOf(secret))));
      shown.push(...(await errorsOf(world, { authorization: `Basic ${basic}` })));

      // The database refuses the statements that read and write keys, which the server logs with all that it knows of the error.
      await sql`alter table keys rename to keys_away`.execute(kysely);
      for (const secret of [unread, operatorKey]) {
        const call = clientsWith(server, secret).keys.createKey({
          project: "p",
          name: "lost",
          role: Role.ADMIN,
        });
        shown.push((await errorOf(call)).message);
      }
      await sql`alter table keys_away rename to keys`.execute(kysely);

      const rows = Object.values(await dumpOf(kysely)).flat();
      assert.ok(rows.some((row) => row.includes(hashOf(secrets.admin))));
      const all = { log: lines, errors: shown, rows };
      for (const [place, texts] of Object.entries(all)) {
        assert.ok(texts.length > 0, place);
        for (const secret of [...Object.values(secrets), operatorKey, wrong, malformed, unread, basic])
          for (const part of [secret, secret.slice(3)])
            assert.ok(!texts.some((text) => text.includes(part)), `a secret is in the ${place}`);
      }
      // Whoever reads the log or an error cannot look up a key by its hash either.
      for (const place of [all.log, all.errors])
        assert.ok(!place.some((text) => text.includes(hashOf(secrets.admin))));
    });
  }
});
