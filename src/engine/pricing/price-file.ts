import { constants, unwatchFile, watchFile } from "node:fs";
import { open } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { acceptInSteps, type PriceFile, type PriceFileVerdict } from "../../domain/prices.ts";

/** The price file cannot be used. The message is one sentence that says why. */
export class PriceFileError extends Error {
  override name = "PriceFileError";
}

/** A price file in LiteLLM's format, which is read again when it changes. Disposing ends that. */
export interface WatchedPriceFile extends Disposable {
  /** The version that was read at the start. */
  readonly first: PriceFile;
  /** Reads the file again, even if it seems unchanged. Never rejects. */
  reload(): Promise<void>;
}

const POLL_INTERVAL_MS = 2_000;
/** The file that LiteLLM publishes has 2 MB. */
const FILE_BYTES_MAX = 32 * 1024 * 1024;
/** How long the event loop is blocked at a time while a file is read. */
const SLICE_MS = 5;

/**
 * Reads a price file, and reads it again when it changes. If the new version is acceptable, `onAccepted` is called with it. If
 * not, `onRefused` is called with the reason, and the previous prices stay.
 *
 * It polls, because some systems do not report changes of a file that is replaced by a rename, or mounted from elsewhere.
 *
 * @throws PriceFileError when the first version cannot be read or is not acceptable.
 */
export async function watchPriceFile(options: {
  path: string;
  onAccepted: (file: PriceFile) => void;
  onRefused: (why: string) => void;
}): Promise<WatchedPriceFile> {
  const { path, onAccepted, onRefused } = options;
  const first = await read(path, undefined);
  if (typeof first === "string") throw new PriceFileError(`PRICES_FILE=${JSON.stringify(path)}: ${first}`);
  let current = first;
  let isDisposed = false;
  const readAgain = async (): Promise<void> => {
    const next = await read(path, current);
    if (isDisposed) return;
    if (typeof next === "string") return onRefused(next);
    current = next;
    onAccepted(next);
  };
  // One read at a time, so that an older version cannot replace a newer one.
  let lastReading: Promise<void> = Promise.resolve();
  const reload = (): Promise<void> => (lastReading = lastReading.then(readAgain));
  const onChange = (): void => void reload();
  watchFile(path, { interval: POLL_INTERVAL_MS, persistent: false }, onChange);
  return {
    first,
    reload,
    [Symbol.dispose]() {
      isDisposed = true;
      unwatchFile(path, onChange);
    },
  };
}

/** Returns the price file, or a text that says why it cannot be used. */
async function read(path: string, old: PriceFile | undefined): Promise<PriceFile | string> {
  try {
    const verdict = await inSlices(acceptInSteps(old, await readText(path)));
    return verdict.ok ? verdict.file : verdict.why;
  } catch (error) {
    return (error as Error).message;
  }
}

async function readText(path: string): Promise<string> {
  // Without O_NONBLOCK, opening a named pipe would wait until another process writes to it.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stat = await file.stat();
  if (!stat.isFile()) throw new PriceFileError("it is not a regular file");
  if (stat.size > FILE_BYTES_MAX) throw new PriceFileError(`it has more than ${FILE_BYTES_MAX} bytes`);
  return file.readFile("utf8");
}

/** Runs the steps in slices, and serves callers in between. A file of thousands of models takes 100 ms or more. */
async function inSlices(steps: Generator<undefined, PriceFileVerdict>): Promise<PriceFileVerdict> {
  for (;;) {
    const endMs = performance.now() + SLICE_MS;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (performance.now() < endMs);
    await setImmediate();
  }
}
