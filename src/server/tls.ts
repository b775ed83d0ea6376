import { X509Certificate } from "node:crypto";
import type { SecureServerOptions } from "node:http2";
import type { SecureContextOptions, Server, TLSSocket } from "node:tls";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { createLogPause } from "./connections.ts";
import { type TlsMaterial, watchTlsFiles } from "./tls-files.ts";

/** The certificate of the server, and the authorities of client certificates. Disposing stops following the files. */
export interface Tls extends Disposable {
  /** For a server that is created now. */
  serverOptions(handshakeMsMax: number): Pick<SecureServerOptions, "requestCert" | "rejectUnauthorized"> & {
    handshakeTimeout: number;
  } & SecureContextOptions;
  /** Makes a server use new files from now on, and refuse client certificates that no authority has signed. */
  follow(server: Server): void;
  /** Reads the files again. Never rejects. */
  reload(): Promise<void>;
}

/** Opens the files of the settings. Undefined: the settings name none. @throws TlsFileError */
export async function openTls(config: Config, log: Logger): Promise<Tls | undefined> {
  const { TLS_CERT_FILE: cert, TLS_KEY_FILE: key, TLS_CLIENT_CA_FILE: clientCa } = config;
  if (cert === undefined || key === undefined) return undefined;
  const servers = new Set<Server>();
  /** Connections whose client has shown a certificate. */
  const identified = new Set<TLSSocket>();

  const accept = (material: TlsMaterial): void => {
    const hasNewAuthorities = material.clientCa !== current.clientCa;
    current = material;
    for (const server of servers) server.setSecureContext(contextOf(material));
    // An authority that was removed is no longer trusted. A client connects again and shows its certificate again.
    if (hasNewAuthorities) for (const socket of identified) socket.destroy();
    log.info(describe(material), "the TLS certificate was read again");
  };
  const files = await watchTlsFiles({
    paths: { cert, key, clientCa },
    onAccepted: accept,
    onRefused: (why) => log.error({ why }, "the new TLS files were refused; the previous ones stay in use"),
  });
  let current = files.first;
  log.info(describe(current), "the TLS certificate was read");
  const logPaced = createLogPause();

  const identify = (socket: TLSSocket): void => {
    const certificate = socket.getPeerX509Certificate();
    // A certificate is optional: other clients have a key.
    if (certificate === undefined) return;
    if (!socket.authorized) {
      const why = socket.authorizationError;
      logPaced(() => log.warn({ subject: certificate.subject, why }, "a client certificate was refused"));
      return void socket.destroy();
    }
    identified.add(socket);
    socket.once("close", () => identified.delete(socket));
  };

  return {
    serverOptions: (handshakeMsMax) => ({
      ...contextOf(current),
      requestCert: clientCa !== undefined,
      // Node.js would also refuse clients without a certificate. `identify` refuses the others.
      rejectUnauthorized: false,
      handshakeTimeout: handshakeMsMax,
    }),
    follow(server) {
      servers.add(server);
      server.once("close", () => servers.delete(server));
      // Before the listeners that read requests.
      if (clientCa !== undefined) server.prependListener("secureConnection", identify);
      server.on("tlsClientError", (error) => log.debug({ err: error }, "a TLS handshake failed"));
    },
    reload: () => files.reload(),
    [Symbol.dispose]: () => files[Symbol.dispose](),
  };
}

const contextOf = ({ cert, key, clientCa }: TlsMaterial): SecureContextOptions => ({
  cert,
  key,
  ca: clientCa,
  minVersion: "TLSv1.2",
});

/** The first certificate of the file is the server's. */
function describe({ cert }: TlsMaterial): Record<string, string> {
  const { subject, subjectAltName = "", validTo } = new X509Certificate(cert);
  return { subject, names: subjectAltName, validTo };
}
