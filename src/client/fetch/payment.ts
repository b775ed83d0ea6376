import { type Known, knownOf, NOTHING_KNOWN } from "./api.ts";
import { chargeHeld, chargeKnown, type Made } from "./charge.ts";
import { release } from "./hold.ts";
import { parseObject } from "./json.ts";
import type { FetchSettings } from "./options.ts";
import type { ChargeQueue } from "./queue.ts";
import type { Call } from "./request.ts";
import { withBody } from "./response.ts";
import { mayBeSent } from "./sent.ts";
import { followStream } from "./stream.ts";

/** A call with a hold. It is sent once. */
export interface Payment {
  made: Made;
  call: Call;
  settings: FetchSettings;
  queue: ChargeQueue;
  signal: AbortSignal | undefined;
}

/** Sends the call. In every case, it then charges the call or releases the hold. */
export async function pay(payment: Payment, send: () => Promise<Response>): Promise<Response> {
  const { made, call, settings, signal } = payment;
  const releaseHold = (): Promise<void> => release(made.account, made.hold, settings);
  let response: Response;
  if (signal?.aborted === true) {
    void releaseHold();
    throw signal.reason;
  }
  try {
    response = await send();
  } catch (error) {
    if (mayBeSent(error)) await unanswered(payment);
    else await releaseHold();
    throw error;
  }
  if (!response.ok) {
    await releaseHold();
    return response;
  }
  if (isStream(response, call.streams) && response.body !== null) {
    const reader = call.api.readStream();
    const onEnd = (known: Known): Promise<void> => queueCharge(payment, known);
    const body = followStream(response.body, { reader, hidesUsage: call.hidesUsage, signal, onEnd });
    return withBody(response, body);
  }
  return answered(payment, response);
}

const queueCharge = ({ queue, made, settings }: Payment, known: Known): Promise<void> =>
  queue.run(() => chargeKnown(made, known, settings));

/** The provider may have run a call that was sent, so its prompt is charged. */
async function unanswered(payment: Payment): Promise<void> {
  const charged = queueCharge(payment, NOTHING_KNOWN);
  // An aborted caller must not wait.
  if (payment.signal?.aborted !== true) await charged;
}

async function answered(payment: Payment, response: Response): Promise<Response> {
  const { queue, made, settings, call } = payment;
  let bytes: ArrayBuffer;
  try {
    bytes = await response.arrayBuffer();
  } catch (error) {
    await unanswered(payment);
    throw error;
  }
  const json = parseObject(new TextDecoder().decode(bytes));
  if (call.inBackground) await queue.run(() => chargeHeld(made, settings));
  else await queueCharge(payment, json === undefined ? NOTHING_KNOWN : knownOf(json));
  return withBody(response, bytes);
}

/** Some servers send a stream without its content type, so the request counts too. */
function isStream({ headers }: Response, asked: boolean): boolean {
  const type = headers.get("content-type") ?? "";
  return type.includes("text/event-stream") || (asked && !type.includes("json"));
}
