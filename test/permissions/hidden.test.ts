import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { isMessage } from "@bufbuild/protobuf";
import { AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import pino from "pino";
import { ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { callMethod, headerOf, transportOf } from "../support/keys.ts";
import { makeStore, STORES, type TestStore } from "../support/server.ts";
import { type CallerName, expectedOf, methodOf, TABLE, type Target, type TargetName } from "./table.ts";
import { makeWorld, type PermissionsWorld } from "./world.ts";

/** Targets that must look to a caller like a budget that does not exist. */
const ALIKE: readonly { caller: CallerName; targets: readonly TargetName[] }[] = [
  { caller: "reader", targets: ["foreign", "no budget there"] },
  { caller: "spender", targets: ["foreign", "no budget there"] },
  { caller: "admin", targets: ["foreign", "no budget there"] },
  { caller: "bound reader", targets: ["beside", "above", "foreign", "no budget there"] },
  { caller: "bound spender", targets: ["beside", "above", "foreign", "no budget there"] },
];

/** The log of the statements of a server, without those that read keys and note their use, which depend on the clock. */
function statements() {
  let texts: string[] = [];
  const write = (line: string): void => {
    const { msg, sql } = JSON.parse(line) as { msg: string; sql?: string };
    if (msg === "statement" && sql !== undefined && !/\bkeys\b/.test(sql)) texts.push(sql);
  };
  const taken = (): string[] => {
    const result = texts;
    texts = [];
    return result;
  };
  return { log: pino({ level: "trace" }, { write }), taken };
}

for (const kind of STORES) {
  suite(`What a caller may not see, on ${kind}`, () => {
    const { log, taken } = statements();
    let store: TestStore;
    let world: PermissionsWorld & AsyncDisposable;
    before(async () => {
      store = await makeStore(kind);
      world = await makeWorld({ ...store.environment, SWEEP_INTERVAL_MS: "86400000" }, log);
    });
    after(async () => {
      await world[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    });

    /** The whole answer to a call, or the whole error, with the names of the target replaced; and the statements it took. */
    const answerTo = async (name: string, caller: CallerName, to: TargetName) => {
      const target = { ...world.target(to), fresh: `fresh-${caller}` };
      taken();
      const call = callMethod(
        transportOf(world.server, "Connect JSON"),
        methodOf(name),
        TABLE[name]?.request(target) ?? {},
        headerOf(world.secrets[caller]),
      );
      const answer = await call.catch((error: unknown) => {
        assert.ok(error instanceof ConnectError);
        const details = error.details.map((detail) => ("debug" in detail ? detail.debug : detail));
        return { code: error.code, message: error.rawMessage, details };
      });
      return { answer: withoutNames(answer, target), statements: taken() };
    };

    for (const [name, row] of Object.entries(TABLE)) {
      if (!row.targets.includes("nobody")) continue;
      for (const { caller, targets } of ALIKE) {
        if (expectedOf(row, caller, "nobody") === "KEY_NOT_ALLOWED") continue;
        test(`${name}: ${caller} gets the same answer, from the same statements, as for what does not exist`, async () => {
          // The first call may read what later ones remember.
          for (const target of targets) await answerTo(name, caller, target);
          const missing = await answerTo(name, caller, "nobody");
          for (const target of targets)
            assert.deepEqual(
              await answerTo(name, caller, target),
              missing,
              `the same answer about ${target}`,
            );
        });
      }
    }
  });
}

/** An answer as text, with the order of its keys. The names of the target are replaced. */
function withoutNames(answer: object, target: Target): string {
  const { user, project, reservationId, releasable, chargeRequestId } = target;
  // The longer names first, because they contain the shorter ones.
  const names = [reservationId, releasable, chargeRequestId, user];
  const blank = (text: string): string =>
    names
      .reduce((shown, name) => shown.replaceAll(name, "NAME"), text)
      .replaceAll(`"${project}"`, "PROJECT")
      .replace(new RegExp(`^${project}$`), "PROJECT");
  return JSON.stringify(answer, (_, value: unknown) => {
    if (typeof value === "bigint") return `${value}`;
    if (isMessage(value, AnySchema)) return anyUnpack(value, ErrorInfoSchema);
    return typeof value === "string" ? blank(value) : value;
  });
}
