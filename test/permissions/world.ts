import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Logger } from "pino";
import { Role } from "../../gen/es/budget/v1/key_pb.ts";
import { makeSecret } from "../../src/server/keys/secret.ts";
import { clientsWith } from "../support/keys.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import type { CallerName, Target, TargetName } from "./table.ts";

/** Two projects with budgets, charges, reservations and keys, and a key for every caller of the table. */
export interface PermissionsWorld {
  readonly server: TestServer;
  readonly operatorKey: string;
  readonly secrets: Readonly<Record<CallerName, string>>;
  /** Headers of callers that are not let in, with the reason. */
  readonly refused: Readonly<Record<string, { headers: Record<string, string>; reason: string }>>;
  /** The names for one call. */
  target(name: TargetName): Target;
}

const PARENTS = { top: "", team: "top", alice: "team", "alice-child": "alice", bob: "team" };

const USERS: Partial<Record<TargetName, { project: string; user: string }>> = {
  alice: { project: "p", user: "alice" },
  below: { project: "p", user: "alice-child" },
  beside: { project: "p", user: "bob" },
  above: { project: "p", user: "team" },
  nobody: { project: "p", user: "nobody" },
  foreign: { project: "q", user: "mallory" },
  "no budget there": { project: "q", user: "nobody" },
  own: { project: "p", user: "" },
  other: { project: "q", user: "" },
  all: { project: "", user: "" },
};

export async function makeWorld(
  environment: Record<string, string>,
  log?: Logger,
): Promise<PermissionsWorld & AsyncDisposable> {
  const operatorKey = makeSecret();
  const settings = { PURSER_OPERATOR_KEY: operatorKey, SHUTDOWN_GRACE_MS: "100" };
  const server = await startTestServer({ ...settings, ...environment }, log);
  const { keys, budgets } = clientsWith(server, operatorKey);
  const totalBudgetNanoUsd = 1_000_000n;
  const fill = async (project: string, user: string, parent = ""): Promise<void> => {
    await budgets.createBudget({ project, user, parent, totalBudgetNanoUsd });
    const name = { project, user };
    for (const id of ["reservation", "releasable"])
      await budgets.reserveCost({
        ...name,
        requestId: `${id} of ${user}`,
        model: "m",
        amount: { case: "costNanoUsd", value: 1n },
      });
    const source = { case: "cost", value: { model: "m", costNanoUsd: 100_000n } } as const;
    await budgets.updateCost({ ...name, requestId: `charge of ${user}`, source });
  };
  for (const [user, parent] of Object.entries(PARENTS)) await fill("p", user, parent);
  await fill("q", "mallory");

  const make = async (role: Role, project: string, user = "") => {
    const name = `a key of ${project}`;
    const { key, secret } = await keys.createKey({ project, name, role, user });
    return { keyId: key?.keyId ?? "", secret };
  };
  const secretOf = async (role: Role, project = "p", user = "") => (await make(role, project, user)).secret;
  const spare = new Map<string, string>();
  for (const project of ["", "p", "q"])
    spare.set(project, (await make(project === "" ? Role.OPERATOR : Role.READER, project)).keyId);

  const expired = await make(Role.ADMIN, "p");
  await sql`update keys set expires_at = created_at + interval '1 microsecond' where key_id = ${expired.keyId}`.execute(
    server.database.kysely,
  );
  const revoked = await make(Role.ADMIN, "p");
  await keys.revokeKey({ project: "p", keyId: revoked.keyId });
  const bearer = (text: string) => ({ headers: { authorization: `Bearer ${text}` }, reason: "KEY_INVALID" });
  return {
    server,
    operatorKey,
    secrets: {
      reader: await secretOf(Role.READER),
      spender: await secretOf(Role.SPENDER),
      admin: await secretOf(Role.ADMIN),
      operator: await secretOf(Role.OPERATOR, ""),
      "bound reader": await secretOf(Role.READER, "p", "alice"),
      "bound spender": await secretOf(Role.SPENDER, "p", "alice"),
    },
    refused: {
      absent: { headers: {}, reason: "KEY_MISSING" },
      malformed: bearer("pk_short"),
      unknown: bearer(makeSecret()),
      expired: bearer(expired.secret),
      revoked: bearer(revoked.secret),
      "of another scheme": {
        headers: { authorization: `Basic ${Buffer.from(`user:${operatorKey}`).toString("base64")}` },
        reason: "KEY_INVALID",
      },
      "two keys": {
        headers: { authorization: `Bearer ${operatorKey}, Bearer ${operatorKey}` },
        reason: "KEY_INVALID",
      },
    },
    target(name) {
      const { project, user } = USERS[name] as { project: string; user: string };
      return {
        project,
        user,
        reservationId: `reservation of ${user}`,
        releasable: `releasable of ${user}`,
        chargeRequestId: `charge of ${user}`,
        keyId: spare.get(project) ?? "",
        fresh: `fresh-${randomUUID()}`,
      };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
