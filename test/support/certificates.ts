import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import forge from "node-forge";

/** A certificate and its private key, in PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** An authority that signs certificates. */
export interface Authority {
  readonly cert: string;
  /** Makes a certificate for a server at 127.0.0.1 and localhost, or at localhost only, or for a client with URI names. */
  issue(options?: { uris?: readonly string[]; isByNameOnly?: boolean }): Pair;
}

const DNS_NAME = 2;
const URI_NAME = 6;
const IP_ADDRESS = 7;
const DAY_MS = 86_400_000;

let serial = 0;

export function createAuthority(name: string): Authority {
  const own = newKeys();
  const certificate = certificateFor(own.publicKey, name, name);
  certificate.setExtensions([
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, critical: true },
  ]);
  certificate.sign(own.privateKey, forge.md.sha256.create());
  return {
    cert: forge.pki.certificateToPem(certificate),
    issue({ uris, isByNameOnly = false } = {}) {
      const keys = newKeys();
      const issued = certificateFor(keys.publicKey, `${name} ${serial}`, name);
      const altNames =
        uris === undefined
          ? [
              { type: DNS_NAME, value: "localhost" },
              ...(isByNameOnly ? [] : [{ type: IP_ADDRESS, ip: "127.0.0.1" }]),
            ]
          : uris.map((value) => ({ type: URI_NAME, value }));
      issued.setExtensions([
        { name: "extKeyUsage", serverAuth: uris === undefined, clientAuth: uris !== undefined },
        { name: "subjectAltName", altNames },
      ]);
      issued.sign(own.privateKey, forge.md.sha256.create());
      return { cert: forge.pki.certificateToPem(issued), key: keys.pem };
    },
  };
}

function certificateFor(
  publicKey: forge.pki.PublicKey,
  subject: string,
  issuer: string,
): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = publicKey;
  certificate.serialNumber = (++serial).toString(16).padStart(4, "0");
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + DAY_MS);
  certificate.setSubject([{ name: "commonName", value: subject }]);
  certificate.setIssuer([{ name: "commonName", value: issuer }]);
  return certificate;
}

/** node-forge takes seconds for a key, and OpenSSL does not. */
function newKeys() {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const parsed = forge.pki.privateKeyFromPem(privateKey);
  return {
    pem: privateKey,
    privateKey: parsed,
    publicKey: forge.pki.setRsaPublicKey(parsed.n, parsed.e),
  };
}

/** A folder with the files of the settings TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE. */
export interface TlsFolder extends AsyncDisposable {
  readonly environment: { TLS_CERT_FILE: string; TLS_KEY_FILE: string; TLS_CLIENT_CA_FILE: string };
  readonly path: string;
  /** Replaces a file in one step. */
  write(name: "cert" | "key" | "ca", pem: string): Promise<void>;
}

export async function createTlsFolder(pair: Pair, clientCa: string): Promise<TlsFolder> {
  const path = await mkdtemp(join(tmpdir(), "purser-tls-"));
  const write = async (name: string, pem: string): Promise<void> => {
    await writeFile(join(path, `${name}.new`), pem);
    await rename(join(path, `${name}.new`), join(path, name));
  };
  await write("cert", pair.cert);
  await write("key", pair.key);
  await write("ca", clientCa);
  return {
    path,
    environment: {
      TLS_CERT_FILE: join(path, "cert"),
      TLS_KEY_FILE: join(path, "key"),
      TLS_CLIENT_CA_FILE: join(path, "ca"),
    },
    write,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
