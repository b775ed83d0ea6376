/** Callbacks for outages of the database. */
export interface OutageListener {
  /** Called once when an outage begins, with its first error. */
  onOutage?: (error: unknown) => void;
  /** Called once when the outage has ended. */
  onRecovery?: (outage: { failures: number; lastedMs: number }) => void;
}

/** An outage ends when there was a success and then no failure for this long. A failure before that belongs to the same outage. */
const CALM_MS = 1_000;
/** How long the last failure says something about the state of the database, if nothing was sent to it since. */
const FAILURE_VALID_MS = 5_000;

export interface OutageWatch {
  /** Reports a failure of the database. */
  failed(error: unknown): void;
  /** Reports that the database has done some work. */
  succeeded(): void;
  /** Whether the last report was a failure, at most 5 s ago. */
  readonly isFailing: boolean;
}

/** Detects from single failures and successes when an outage of the database begins and ends. */
export function watchOutages({ onOutage, onRecovery }: OutageListener): OutageWatch {
  let outage: { startedMs: number; failures: number } | undefined;
  let failedMs: number | undefined;
  let calm: NodeJS.Timeout | undefined;
  const end = (succeededMs: number): void => {
    calm = undefined;
    if (outage === undefined) return;
    const { failures, startedMs } = outage;
    outage = undefined;
    onRecovery?.({ failures, lastedMs: Math.round(succeededMs - startedMs) });
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
    succeeded() {
      failedMs = undefined;
      if (outage !== undefined) calm ??= setTimeout(end, CALM_MS, performance.now()).unref();
    },
    get isFailing() {
      return failedMs !== undefined && performance.now() - failedMs < FAILURE_VALID_MS;
    },
  };
}
