/** Told of outages: once when one begins, and once when it has ended. */
export interface OutageListener {
  onOutage?: (error: unknown) => void;
  onRecovery?: (outage: { failures: number; lastedMs: number }) => void;
}

/** Without a failure for this long, an outage has ended. Until then, failures between successes belong to the same one. */
const CALM_MS = 1_000;
/** After this long without a failure, and without a success, it is not known how things are. */
const KNOWN_MS = 5_000;

export interface OutageWatch {
  /** The database has failed. */
  failed(error: unknown): void;
  /** The database has done what it was asked. */
  answered(): void;
  /** Whether the last that was asked of the database has failed, a short while ago. */
  readonly isFailing: boolean;
}

/** Tells when the database begins to fail, and when it has stopped. */
export function watchOutages({ onOutage, onRecovery }: OutageListener): OutageWatch {
  let outage: { startedMs: number; failures: number } | undefined;
  let failedMs: number | undefined;
  let calm: NodeJS.Timeout | undefined;
  const end = (answeredMs: number): void => {
    calm = undefined;
    if (outage === undefined) return;
    const { failures, startedMs } = outage;
    outage = undefined;
    onRecovery?.({ failures, lastedMs: Math.round(answeredMs - startedMs) });
  };
  return {
    failed(error) {
      failedMs = performance.now();
      clearTimeout(calm);
      calm = undefined;
      if (outage === undefined) {
        outage = { startedMs: failedMs, failures: 0 };
        onOutage?.(error);
      }
      outage.failures++;
    },
    answered() {
      failedMs = undefined;
      if (outage !== undefined) calm ??= setTimeout(end, CALM_MS, performance.now()).unref();
    },
    get isFailing() {
      return failedMs !== undefined && performance.now() - failedMs < KNOWN_MS;
    },
  };
}
