import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { UpdateCostRequestSchema } from "../../../gen/es/budget/v1/budget_service_pb.ts";
import { reasonOf } from "../errors.ts";
import { type Estimate, type Known, NOTHING_KNOWN } from "./api.ts";
import type { Account, Hold } from "./hold.ts";

type Source = NonNullable<MessageInitShape<typeof UpdateCostRequestSchema>["source"]>;

/** A call that was made, and is to be charged. */
export interface Made {
  account: Account;
  hold: Hold;
  /** The name that the caller used: budgets are kept by it, and it has a price. */
  model: string;
  /** The call's prompt, to be counted where Purser has not done so. */
  estimate: Estimate | undefined;
}

export interface ChargeOptions {
  timeoutMs: number;
  useReportedCost: boolean;
}

/**
 * Charges a call with what is known of its answer, and frees its hold. The same call again changes nothing: it carries
 * the same request id and says the same. Throws Purser's ConnectError.
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

/** Charges all that is held: for an answer that is fetched later, by requests that nobody connects with this one. */
export function chargeHeld(made: Made, options: ChargeOptions): Promise<void> {
  const { reserved } = made.hold;
  if (reserved === undefined) return chargeKnown(made, NOTHING_KNOWN, options);
  const cost = { model: made.model, costNanoUsd: reserved.amountNanoUsd };
  return charge(made, { case: "cost", value: cost }, options);
}

/** False where Purser could not read the usage of a completion. */
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
  // Nobody knows whether there is a reservation: it is settled if there is, and elsewhere there is nothing to settle.
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
