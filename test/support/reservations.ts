import assert from "node:assert/strict";
import { ConnectError } from "@connectrpc/connect";
import { sql } from "kysely";
import { Duration } from "../../gen/es/budget/v1/budget_pb.ts";
import {
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/es/google/rpc/error_details_pb.ts";
import type { TestServer } from "./server.ts";

export const DOLLAR = 1_000_000_000n;

/** The contents of a refusal. */
export const refusal = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => assert.fail("the call was not refused"),
    (thrown: unknown) => ConnectError.from(thrown),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  const [quota] = error.findDetails(QuotaFailureSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  return { code: error.code, reason: info?.reason, metadata: info?.metadata ?? {}, quota, retry };
};

type Name = { project: string; user: string };

/** Shorthands for tests of reservations, in whole dollars. */
export function bank(server: TestServer) {
  const newBudget = async (project: string, user: string, dollars: bigint, parent = "") => {
    const name = { project, user };
    await server.grpc.createBudget({
      ...name,
      totalBudgetNanoUsd: dollars * DOLLAR,
      duration: Duration.MONTHLY,
      parent,
    });
    return name;
  };
  const reserve = (name: Name, dollars: bigint, requestId = "", model = "m") =>
    server.grpc.reserveCost({
      ...name,
      requestId,
      model,
      amount: { case: "costNanoUsd", value: dollars * DOLLAR },
    });
  const settle = (name: Name, reservationId: string, dollars: bigint) =>
    server.connect.updateCost({
      ...name,
      reservationId,
      source: { case: "cost", value: { model: "m", costNanoUsd: dollars * DOLLAR } },
    });
  const balances = async (name: Name): Promise<bigint[]> => {
    const { budget } = await server.grpc.getBudget(name);
    return [budget?.spentNanoUsd, budget?.heldNanoUsd, budget?.remainingNanoUsd].map(
      (amount) => (amount ?? -1n) / DOLLAR,
    );
  };
  /** Expires the holds of a project. */
  const runOut = async (project: string): Promise<void> => {
    await sql`update reservations set expires_at = clock_timestamp() where project = ${project} and state = 'HELD'`.execute(
      server.database.kysely,
    );
  };

  return { newBudget, reserve, settle, balances, runOut };
}
