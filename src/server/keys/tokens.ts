import { hash } from "node:crypto";
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { Failure } from "../../domain/errors.ts";
import { mayBeBound, ROLES, type Role } from "../../domain/key.ts";
import { isName } from "../../domain/name.ts";
import { type Caller, callerWith } from "../caller.ts";

/** Checks JSON Web Tokens (RFC 7519) of one trusted issuer. */
export interface Tokens {
  /** The caller of a token that was verified a moment ago. */
  known(token: string): Caller | undefined;
  /** Whether the token was valid when it was last verified. */
  wasValid(token: string): boolean;
  /** The caller of a token. Undefined: the token is not valid. @throws STORE_UNAVAILABLE when the issuer's keys cannot be read */
  verify(token: string): Promise<Caller | undefined>;
}

/** A verified token is verified again after this time, because its issuer may have withdrawn the key that signed it. */
const VERIFIED_MS_MAX = 60_000;
const TOKENS_MAX = 10_000;
const MS = 1000;
/** How long the issuer is not asked again after it has failed. */
const RETRY_MS = 1000;
/** How long the issuer is not asked again for a key that it did not have. */
const UNKNOWN_KEY_MS = 30_000;
/** Asymmetric algorithms only: with a symmetric one, a public key could be used as a secret. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

export interface TokenOptions {
  jwksUrl: string;
  issuer: string;
  audience: string;
  /** How long the issuer is not asked again for a key that it did not have. */
  unknownKeyMs?: number;
}

/** @param onUnreachable Called when the issuer's keys cannot be read. */
export function createTokens(
  { jwksUrl, issuer, audience, unknownKeyMs = UNKNOWN_KEY_MS }: TokenOptions,
  nowMs: () => number,
  onUnreachable: (error: unknown) => void,
): Tokens {
  // Everybody can send a text that looks like a token, so what a failing issuer costs must not depend on the number of calls.
  let heldUntilMs = Number.NEGATIVE_INFINITY;
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    cooldownDuration: unknownKeyMs,
    [customFetch]: (url, options) =>
      nowMs() < heldUntilMs ? Promise.reject(new Error("the issuer has just failed")) : fetch(url, options),
  });
  const verified = new LRUCache<string, { caller: Caller; untilMs: number }>({ max: TOKENS_MAX });
  const keyOf = (token: string): string => hash("sha256", token, "base64url");
  return {
    known(token) {
      const found = verified.get(keyOf(token));
      return found !== undefined && nowMs() < found.untilMs ? found.caller : undefined;
    },
    wasValid: (token) => verified.has(keyOf(token)),
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, keys, {
          issuer,
          audience,
          algorithms: ALGORITHMS,
          requiredClaims: ["exp", "sub"],
        });
        const caller = callerOfClaims(payload);
        if (caller === undefined) return undefined;
        const leftMs = (payload.exp ?? 0) * MS - Date.now();
        verified.set(keyOf(token), { caller, untilMs: nowMs() + Math.min(VERIFIED_MS_MAX, leftMs) });
        return caller;
      } catch (error) {
        if (isInvalid(error)) {
          verified.delete(keyOf(token));
          return undefined;
        }
        if (nowMs() >= heldUntilMs) {
          heldUntilMs = nowMs() + RETRY_MS;
          onUnreachable(error);
        }
        throw new Failure({ reason: "STORE_UNAVAILABLE", retryAfterMs: RETRY_MS }, { cause: error });
      }
    },
  };
}

/** Whether jose refused the token. It also throws when the issuer's keys cannot be read. */
const isInvalid = (error: unknown): boolean =>
  error instanceof errors.JOSEError &&
  !(error instanceof errors.JWKSTimeout) &&
  !(error instanceof errors.JWKSInvalid) &&
  error.code !== "ERR_JOSE_GENERIC";

/** The caller that the claims `purser_role`, `purser_project` and `purser_user` describe. */
export function callerOfClaims(claims: JWTPayload): Caller | undefined {
  const { iss, sub, purser_role: roleClaim, purser_project: project, purser_user: user } = claims;
  const role = ROLES.find(
    (each): each is Role => typeof roleClaim === "string" && each === roleClaim.toUpperCase(),
  );
  const identity = { kind: "token", actor: `token:${iss} ${sub}` } as const;
  if (role === undefined || !isName(sub)) return undefined;
  if (role === "OPERATOR")
    return project === undefined && user === undefined ? callerWith(role, identity) : undefined;
  if (!isName(project)) return undefined;
  if (user === undefined) return callerWith(role, { ...identity, project });
  return isName(user) && mayBeBound(role) ? callerWith(role, { ...identity, project, user }) : undefined;
}
