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

/** A call whose worst case is held, and which is sent once. */
export interface Payment {
  made: Made;
  call: Call;
  settings: FetchSettings;
  queue: ChargeQueue;
  signal: AbortSignal | undefined;
}

/** Sends the call, and sees to it that it is charged, or its hold given back, whatever becomes of it. */
export async function pay(payment: Payment, send: () => Promise<Response>): Promise<Response> {
  const { made, call, settings, signal } = payment;
  const giveBack = (): Promise<void> => release(made.account, made.hold, settings);
  let response: Response;
  if (signal?.aborted === true) {
    void giveBack();
    throw signal.reason;
  }
  try {
    response = await send();
  } catch (error) {
    if (mayBeSent(error)) await unanswered(payment);
    else await giveBack();
    throw error;
  }
  if (!response.ok) {
    await giveBack();
    return response;
  }
  if (isStream(response, call.streams) && response.body !== null) {
    const reader = call.api.readStream();
    const onEnd = (known: Known): Promise<void> => settle(payment, known);
    const body = followStream(response.body, { reader, hidesUsage: call.hidesUsage, signal, onEnd });
    return withBody(response, body);
  }
  return answered(payment, response);
}

const settle = ({ queue, made, settings }: Payment, known: Known): Promise<void> =>
  queue.run(() => chargeKnown(made, known, settings));

/** Nobody knows what the provider did with a call that was sent. What it was given is charged. */
async function unanswered(payment: Payment): Promise<void> {
  const settled = settle(payment, NOTHING_KNOWN);
  // Whoever gives up does not wait.
  if (payment.signal?.aborted !== true) await settled;
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
  else await settle(payment, json === undefined ? NOTHING_KNOWN : knownOf(json));
  return withBody(response, bytes);
}

/** Some servers do not say that what they send is a stream. */
function isStream({ headers }: Response, asked: boolean): boolean {
  const type = headers.get("content-type") ?? "";
  return type.includes("text/event-stream") || (asked && !type.includes("json"));
}
