import { constants, unwatchFile, watchFile } from "node:fs";
import { open } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { acceptInSteps, type PriceFile, type PriceFileVerdict } from "../../domain/prices.ts";

export class PriceFileError extends Error {
  override name = "PriceFileError";
}

/** A price file in LiteLLM's format, and its later versions. */
export interface WatchedPriceFile extends Disposable {
  readonly first: PriceFile;
  /** Reads the file again, whether it seems changed or not. Never rejects. */
  reload(): Promise<void>;
}

const POLL_INTERVAL_MS = 2_000;
/** The published file has 2 MB. */
const FILE_BYTES_MAX = 32 * 1024 * 1024;
/** How long callers wait while a file is read. */
const SLICE_MS = 5;

/**
 * Reads a price file and follows it: when it changes, and it is acceptable, `onAccepted` is told; when it is not,
 * `onRefused` is told why, and the prices of before stay.
 *
 * Polls, since a file that is replaced by a rename, or mounted from elsewhere, gives no notice on every system.
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
  // One reading at a time: of two versions, the one that was read last counts.
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

/** The file, or why not. */
async function read(path: string, old: PriceFile | undefined): Promise<PriceFile | string> {
  try {
    const verdict = await inSlices(acceptInSteps(old, await readText(path)));
    return verdict.ok ? verdict.file : verdict.why;
  } catch (error) {
    return (error as Error).message;
  }
}

async function readText(path: string): Promise<string> {
  // Opening a pipe would otherwise wait for somebody who writes to it.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stat = await file.stat();
  if (!stat.isFile()) throw new PriceFileError("it is not a regular file");
  if (stat.size > FILE_BYTES_MAX) throw new PriceFileError(`it has more than ${FILE_BYTES_MAX} bytes`);
  return file.readFile("utf8");
}

/** Reads a file of thousands of models, which takes a tenth of a second or more, while callers are served in between. */
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
