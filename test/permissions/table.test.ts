import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { isMessage } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import {
  BatchUpdateCostResponseSchema,
  ListReservationsResponseSchema,
} from "../../gen/es/budget/v1/budget_service_pb.ts";
import { ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { describe } from "../../src/domain/errors.ts";
import { RULES } from "../../src/server/permissions.ts";
import { EVERY_WAY } from "../support/api.ts";
import { callMethod, dumpOf, headerOf, METHODS, outcomeOf, transportOf } from "../support/keys.ts";
import { makeStore, type TestStore } from "../support/server.ts";
import { CALLERS, expectedOf, methodOf, type Row, TABLE, type Target, type TargetName } from "./table.ts";
import { makeWorld, type PermissionsWorld } from "./world.ts";

type Call = (name: string, request: object, headers: Record<string, string>) => Promise<string>;

/** What became of a call: "ok", or the reason of its error. */
const callOver =
  (transport: Transport): Call =>
  (name, request, headers) =>
    outcomeOf(
      callMethod(transport, name, request, headers).then((answer) => {
        const reason = reasonIn(answer);
        if (reason !== undefined) throw new Refused(reason);
      }),
    ).catch((error: unknown) => {
      if (error instanceof Refused) return error.message;
      throw error;
    });

class Refused extends Error {}

/**
 * What an answer that is not an error says: the reason of the only result of a batch, or that there are no reservations of
 * the user.
 */
function reasonIn(answer: object): string | undefined {
  if (isMessage(answer, ListReservationsResponseSchema))
    return answer.reservations.length === 0 ? "empty" : undefined;
  if (!isMessage(answer, BatchUpdateCostResponseSchema)) return undefined;
  const [result] = answer.results;
  assert.ok(result !== undefined);
  if (result.outcome.case !== "status") return undefined;
  const [info] = result.outcome.value.details.map((detail) => anyUnpack(detail, ErrorInfoSchema));
  return info?.reason;
}

/** The legacy routes answer with a text only. */
const callLegacy =
  (world: () => PermissionsWorld): Call =>
  async (path, request, headers) => {
    const response = await fetch(`${world().server.httpUrl}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(request),
    });
    const { status, message } = (await response.json()) as { status: string; message?: string };
    if (response.status === 200) return status === "success" ? "ok" : "unknown project";
    const reasons = [
      { reason: "KEY_MISSING" },
      { reason: "KEY_INVALID" },
      { reason: "KEY_NOT_ALLOWED", method: path },
    ] as const;
    const found = reasons.find((error) => describe(error) === message);
    assert.equal(response.status, found?.reason === "KEY_NOT_ALLOWED" ? 403 : 401);
    return found?.reason ?? String(message);
  };

const isLegacy = (name: string): boolean => name.startsWith("/");

suite("Every method, legacy route and stream", () => {
  let store: TestStore;
  let world: PermissionsWorld & AsyncDisposable;
  before(async () => {
    store = await makeStore("PGlite");
    world = await makeWorld(store.environment);
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  test("has a row in the table", () => {
    const served = [...METHODS.keys(), "/get_budget", "/set_budget"];
    assert.deepEqual(new Set(Object.keys(TABLE).map(methodOf)), new Set(served));
    assert.deepEqual(new Set(Object.keys(RULES)), new Set(served));
  });

  const waysOf = (name: string): [string, Call][] =>
    isLegacy(name)
      ? [["the legacy route", callLegacy(() => world)]]
      : EVERY_WAY.map((way) => [way, callOver(transportOf(world.server, way))]);

  interface Cell {
    caller: (typeof CALLERS)[number];
    target: TargetName;
    expected: string;
  }
  const cellsOf = (row: Row): Cell[] =>
    CALLERS.flatMap((caller) =>
      row.targets.map((target) => ({ caller, target, expected: expectedOf(row, caller, target) })),
    );
  const isRefused = (row: Row, { expected }: Cell): boolean => expected !== (row.permitted ?? "ok");

  for (const [name, row] of Object.entries(TABLE)) {
    const method = methodOf(name);
    const ask = async (call: Call, { caller, target }: Cell): Promise<string> => {
      const names: Target = world.target(target);
      return call(method, row.request(names), headerOf(world.secrets[caller]));
    };
    const check = async (cells: readonly Cell[]): Promise<void> => {
      for (const [way, call] of waysOf(method)) {
        const outcomes = await Promise.all(
          cells.map(async (cell) => ({ ...cell, got: await ask(call, cell) })),
        );
        for (const { caller, target, expected, got } of outcomes)
          assert.equal(got, expected, `${name} over ${way}: ${caller}, ${target}`);
      }
    };

    test(`${name}: what a key does not permit is refused, and changes nothing`, async () => {
      const before = await dumpOf(world.server.database.kysely);
      await check(cellsOf(row).filter((cell) => isRefused(row, cell)));
      const target = world.target(row.targets[0] as TargetName);
      for (const [way, call] of waysOf(method))
        for (const [caller, { headers, reason }] of Object.entries(world.refused))
          assert.equal(await call(method, row.request(target), headers), reason, `${way}: ${caller}`);
      assert.deepEqual(await dumpOf(world.server.database.kysely), before);
    });

    test(`${name}: what a key permits is done`, () =>
      check(cellsOf(row).filter((cell) => !isRefused(row, cell))));
  }
});
