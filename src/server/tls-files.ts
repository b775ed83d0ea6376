import { X509Certificate } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { createSecureContext } from "node:tls";

/** The files for TLS cannot be used. The message is one line that names the setting. */
export class TlsFileError extends Error {
  override name = "TlsFileError";
}

/** The paths of the settings TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE. */
export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

/** What is in the files, as PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

/** Files that are read again when they change. Disposing ends that. */
export interface WatchedTlsFiles extends Disposable {
  /** The versions that were read at the start. */
  readonly first: TlsMaterial;
  /** Looks at the files, as every two seconds. Never rejects. */
  look(): Promise<void>;
  /** Reads the files now, and reports at once what cannot be used. Never rejects. */
  reload(): Promise<void>;
}

const POLL_INTERVAL_MS = 2_000;
const FILE_BYTES_MAX = 1024 * 1024;

/**
 * Reads the files, and reads them again every two seconds. It compares contents, because a secret of Kubernetes is a link whose
 * target changes, and a copied file may keep its time.
 *
 * A certificate and its key may be written one after the other, and a file may be read while it is written. Files that cannot be
 * used are therefore reported only if they are still the same at the next look.
 *
 * @param options.onAccepted Called with new files that can be used.
 * @param options.onRefused Called once for new files that cannot be used. The previous ones stay in use.
 * @throws TlsFileError when the first versions cannot be used
 */
export async function watchTlsFiles(options: {
  paths: TlsPaths;
  onAccepted: (material: TlsMaterial) => void;
  onRefused: (why: string) => void;
}): Promise<WatchedTlsFiles> {
  const { paths, onAccepted, onRefused } = options;
  const first = await read(paths);
  if (typeof first === "string") throw new TlsFileError(first);
  let current = JSON.stringify(first);
  let waiting: string | undefined;
  let refused: string | undefined;
  let isDisposed = false;

  const compare = async (isFinal: boolean): Promise<void> => {
    const next = await read(paths);
    if (isDisposed) return;
    const seen = JSON.stringify(next);
    if (typeof next === "string") {
      const isSettled = isFinal || seen === waiting;
      waiting = seen;
      if (seen === refused || !isSettled) return;
      refused = seen;
      return onRefused(next);
    }
    waiting = undefined;
    refused = undefined;
    if (seen === current) return;
    current = seen;
    onAccepted(next);
  };
  // One at a time, so that an older version cannot replace a newer one.
  let last: Promise<void> = Promise.resolve();
  const enqueue = (isFinal: boolean): Promise<void> => (last = last.then(() => compare(isFinal)));
  let looking: Promise<void> | undefined;
  const look = (): Promise<void> => (looking ??= enqueue(false).finally(() => (looking = undefined)));
  const timer = setInterval(() => void look(), POLL_INTERVAL_MS).unref();
  return {
    first,
    look,
    reload() {
      // An operator who asks for a reload gets an answer, even the same one again.
      refused = undefined;
      return enqueue(true);
    },
    [Symbol.dispose]() {
      isDisposed = true;
      clearInterval(timer);
    },
  };
}

/** Returns the contents of the files, or a text that says why they cannot be used. Never rejects. */
async function read({ cert, key, clientCa }: TlsPaths): Promise<TlsMaterial | string> {
  try {
    const material = {
      cert: await readText("TLS_CERT_FILE", cert),
      key: await readText("TLS_KEY_FILE", key),
      clientCa: clientCa === undefined ? undefined : await readText("TLS_CLIENT_CA_FILE", clientCa),
    };
    check(material, { cert, key, clientCa });
    return material;
  } catch (error) {
    return (error as Error).message;
  }
}

async function readText(setting: string, path: string): Promise<string> {
  try {
    // Without O_NONBLOCK, opening a named pipe would wait until another process writes to it.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) throw new Error("it is not a regular file");
    if (stat.size > FILE_BYTES_MAX) throw new Error(`it has more than ${FILE_BYTES_MAX} bytes`);
    return await file.readFile("utf8");
  } catch (error) {
    throw refusal(setting, path, error);
  }
}

/** @throws TlsFileError */
function check({ cert, key, clientCa }: TlsMaterial, paths: TlsPaths): void {
  checkCertificates("TLS_CERT_FILE", paths.cert, cert);
  if (clientCa !== undefined && paths.clientCa !== undefined)
    checkCertificates("TLS_CLIENT_CA_FILE", paths.clientCa, clientCa);
  try {
    createSecureContext({ key });
  } catch (error) {
    throw refusal("TLS_KEY_FILE", paths.key, error);
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const message = `TLS_KEY_FILE=${JSON.stringify(paths.key)} is not the key of TLS_CERT_FILE=${JSON.stringify(paths.cert)}`;
    throw new TlsFileError(message, { cause: error });
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Parses each certificate, because Node.js ignores text that is none. */
function checkCertificates(setting: string, path: string, pem: string): void {
  const blocks = pem.match(CERTIFICATE) ?? [];
  try {
    if (blocks.length === 0) throw new Error("it has no certificate in PEM");
    blocks.forEach((block) => new X509Certificate(block));
  } catch (error) {
    throw refusal(setting, path, error);
  }
}

const refusal = (setting: string, path: string, error: unknown): TlsFileError =>
  new TlsFileError(`${setting}=${JSON.stringify(path)}: ${(error as Error).message}`, { cause: error });
