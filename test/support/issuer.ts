import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

/** An issuer of tokens, with a real JWKS over HTTP. */
export interface Issuer extends AsyncDisposable {
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
  /** How often its keys were asked for. */
  readonly requests: number;
  /** How it answers from now on: with its keys, with HTTP 500, with no JSON, or with no answer. */
  mode: "works" | "fails" | "talks nonsense" | "hangs up";
  /** Replaces its key by a new one. */
  rotate(): Promise<void>;
  /** A token signed with its present key. */
  sign(claims?: JWTPayload, options?: { expires?: number; header?: object }): Promise<string>;
  /** The public key, as others see it. */
  publicKey(): JWK;
}

const ALGORITHM = "ES256";

export async function startIssuer(): Promise<Issuer> {
  let pair = await generateKeyPair(ALGORITHM, { extractable: true });
  let jwk: JWK = {};
  let kid = 0;
  const publish = async (): Promise<void> => {
    jwk = { ...(await exportJWK(pair.publicKey)), kid: `key-${++kid}`, alg: ALGORITHM, use: "sig" };
  };
  await publish();
  const state = { mode: "works" as Issuer["mode"], requests: 0 };
  const server = createServer((request, response) => {
    state.requests++;
    if (state.mode === "hangs up") request.socket.destroy();
    if (state.mode === "fails") response.writeHead(500).end();
    if (state.mode === "hangs up" || state.mode === "fails") return;
    response.setHeader("content-type", "application/json");
    response.end(state.mode === "works" ? JSON.stringify({ keys: [jwk] }) : "<html>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = "https://issuer.example";
  const audience = "purser";
  return {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    issuer,
    audience,
    get requests() {
      return state.requests;
    },
    get mode() {
      return state.mode;
    },
    set mode(mode) {
      state.mode = mode;
    },
    async rotate() {
      pair = await generateKeyPair(ALGORITHM, { extractable: true });
      await publish();
    },
    sign(claims = {}, { expires = Math.floor(Date.now() / 1000) + 3600, header = {} } = {}) {
      const all = { iss: issuer, aud: audience, sub: "service", exp: expires, ...claims };
      return new SignJWT(all)
        .setProtectedHeader({ alg: ALGORITHM, kid: jwk.kid ?? "", ...header })
        .sign(pair.privateKey);
    },
    publicKey: () => jwk,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
