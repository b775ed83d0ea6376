import { unwatchFile, watchFile } from "node:fs";
import { readFile } from "node:fs/promises";
import { acceptPriceFile, type PriceFile } from "../../domain/prices.ts";

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
  const reload = async (): Promise<void> => {
    const next = await read(path, current);
    if (typeof next === "string") return onRefused(next);
    current = next;
    onAccepted(next);
  };
  const onChange = (): void => void reload();
  watchFile(path, { interval: POLL_INTERVAL_MS, persistent: false }, onChange);
  return { first, reload, [Symbol.dispose]: () => unwatchFile(path, onChange) };
}

/** The file, or why not. */
async function read(path: string, old: PriceFile | undefined): Promise<PriceFile | string> {
  try {
    const verdict = acceptPriceFile(old, await readFile(path, "utf8"));
    return verdict.ok ? verdict.file : verdict.why;
  } catch (error) {
    return (error as Error).message;
  }
}
