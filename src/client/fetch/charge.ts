import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { UpdateCostRequestSchema } from "../../../gen/es/budget/v1/budget_service_pb.ts";
import { reasonOf } from "../errors.ts";
import { type Estimate, type Known, NOTHING_KNOWN } from "./api.ts";
import type { Account, Hold } from "./hold.ts";

type Source = NonNullable<MessageInitShape<typeof UpdateCostRequestSchema>["source"]>;

/** A call that was sent and must be charged. */
export interface Made {
  account: Account;
  hold: Hold;
  /** The model name in the request. The hold used it too, so it has a price. */
  model: string;
  /** The call's prompt, to be counted. Undefined if Purser has counted it. */
  estimate: Estimate | undefined;
}

export interface ChargeOptions {
  timeoutMs: number;
  useReportedCost: boolean;
}

/**
 * Charges a call with the known usage of its answer, and settles its hold. Retries are safe: they have the same request
 * id and the same payload. Throws Purser's ConnectError.
 */
export async function chargeKnown(made: Made, known: Known, options: ChargeOptions): Promise<void> {
  if (known.completion !== undefined) {
    const source: Source = { case: "completion", value: known.completion };
    if (await isReadable(charge(made, source, options))) return;
  }
  const outputTokens = known.output === "" ? 0n : await countTokens(made, { text: known.output }, options);
  const whole = known.withOutputTokens?.(Number(outputTokens));
  if (whole !== undefined) return charge(made, { case: "completion", value: whole }, options);
  const inputTokens =
    made.hold.reserved?.promptTokens ?? (await countTokens(made, made.estimate ?? { text: " " }, options));
  const usage = { model: made.model, inputTokens, outputTokens };
  return charge(made, { case: "usage", value: usage }, options);
}

/** Charges the whole hold. Used if later requests fetch the answer: they cannot be linked to this call. */
export function chargeHeld(made: Made, options: ChargeOptions): Promise<void> {
  const { reserved } = made.hold;
  if (reserved === undefined) return chargeKnown(made, NOTHING_KNOWN, options);
  const cost = { model: made.model, costNanoUsd: reserved.amountNanoUsd };
  return charge(made, { case: "cost", value: cost }, options);
}

/** Returns false if Purser could not read the usage of a completion. */
async function isReadable(charged: Promise<void>): Promise<boolean> {
  try {
    await charged;
    return true;
  } catch (thrown) {
    if (reasonOf(ConnectError.from(thrown)) !== "INVALID_FIELD") throw thrown;
    return false;
  }
}

async function charge(made: Made, source: Source, options: ChargeOptions): Promise<void> {
  const { hold, account, model } = made;
  const { timeoutMs, useReportedCost } = options;
  const send = async (reservationId: string): Promise<void> => {
    await account.client.updateCost(
      {
        project: account.project,
        user: account.user,
        requestId: `${hold.reservationId}-cost`,
        reservationId,
        source,
        completionModel: model,
        useReportedCost,
      },
      { timeoutMs },
    );
  };
  if (hold.reserved !== undefined) return send(hold.reservationId);
  // Purser did not answer the hold, so the reservation may not exist. If it does not, charge without it.
  try {
    await send(hold.reservationId);
  } catch (thrown) {
    if (reasonOf(ConnectError.from(thrown)) !== "RESERVATION_NOT_FOUND") throw thrown;
    await send("");
  }
}

async function countTokens(made: Made, prompt: Estimate, { timeoutMs }: ChargeOptions): Promise<bigint> {
  const { client, project, user } = made.account;
  const { messages, text, tools } = prompt;
  const counted = await client.projectedCost(
    { project, user, model: made.model, messages, text, tools },
    { timeoutMs },
  );
  return counted.promptTokens;
}
