import { errorOf } from "../../domain/errors.ts";
import type { Admission } from "./credentials.ts";

/** Ends a stream when its caller's key stops working. */
export interface AdmissionWatch extends Disposable {
  /** Aborted when the caller is no longer admitted. */
  readonly signal: AbortSignal;
  /** Why the caller is no longer admitted. */
  readonly failure: unknown;
}

const CHECK_MS = 1_000;

/** @param admit Finds out again who the caller is. It throws when the caller's key no longer works. */
export function watchAdmission(admit: () => Admission | Promise<Admission>): AdmissionWatch {
  const controller = new AbortController();
  let failure: unknown;
  let isChecking = false;
  const check = async (): Promise<void> => {
    if (isChecking) return;
    isChecking = true;
    try {
      await admit();
    } catch (thrown) {
      if (isFinal(thrown)) {
        failure = thrown;
        controller.abort();
      }
    }
    isChecking = false;
  };
  const timer = setInterval(() => void check(), CHECK_MS).unref();
  return {
    signal: controller.signal,
    get failure() {
      return failure;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Whether the key no longer works. If the database fails, nobody knows, and the stream goes on. */
function isFinal(thrown: unknown): boolean {
  const { reason } = errorOf(thrown);
  return reason === "KEY_INVALID" || reason === "KEY_MISSING";
}
