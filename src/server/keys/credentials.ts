import { Failure } from "../../domain/errors.ts";
import { isSecret, mayBeBound } from "../../domain/key.ts";
import { ANONYMOUS_CALLER, type Caller, callerWith, LOCAL_CALLER } from "../caller.ts";
import { certificateIdentity } from "../certificate.ts";
import type { Head } from "../pipeline.ts";
import type { Guesses } from "./guesses.ts";
import { type KeyLimits, NO_LIMITS } from "./key-limits.ts";
import type { KeyRing, KnownKey } from "./key-ring.ts";
import { hashOf } from "./secret.ts";
import type { Tokens } from "./tokens.ts";

/** Who makes a call, and how fast it may call. */
export interface Admission {
  readonly caller: Caller;
  readonly limits: KeyLimits;
}

/** Finds out who makes a call. Only this creates callers. */
export interface Credentials {
  /**
   * The caller of a request. It is a promise when the database or an issuer of tokens has to be asked.
   *
   * @throws KEY_MISSING, KEY_INVALID, RATE_EXCEEDED, STORE_UNAVAILABLE
   */
  admit(head: Head): Admission | Promise<Admission>;
  /** Whether callers without a key are served. @throws STORE_UNAVAILABLE */
  isOpen(): boolean | Promise<boolean>;
}

const LOCAL: Admission = { caller: LOCAL_CALLER, limits: NO_LIMITS };
const ANONYMOUS: Admission = { caller: ANONYMOUS_CALLER, limits: NO_LIMITS };
const OPERATOR: Admission = {
  caller: callerWith("OPERATOR", { kind: "operator-key", actor: "operator-key" }),
  limits: NO_LIMITS,
};

const BEARER = /^bearer +(\S+)$/i;

/**
 * @param options.operatorKey PURSER_OPERATOR_KEY.
 * @param options.tokens Checks JWTs. Undefined: none are accepted.
 * @param options.acceptsCertificates Whether clients may show certificates.
 */
export function createCredentials(options: {
  ring: KeyRing;
  guesses: Guesses;
  operatorKey: string | undefined;
  tokens: Tokens | undefined;
  acceptsCertificates: boolean;
}): Credentials {
  const { ring, guesses, tokens } = options;
  const operatorHash = options.operatorKey === undefined ? undefined : hashOf(options.operatorKey);
  const isConfigured = operatorHash !== undefined || tokens !== undefined || options.acceptsCertificates;

  const isOpen = (): boolean | Promise<boolean> => {
    if (isConfigured) return false;
    const hasKeys = ring.hasKeys();
    return typeof hasKeys === "boolean" ? !hasKeys : hasKeys.then((has) => !has);
  };

  const anonymous = (isServed: boolean): Admission => {
    if (!isServed) throw new Failure({ reason: "KEY_MISSING" });
    return ANONYMOUS;
  };

  const withKey = (secret: string, address: string): Admission | Promise<Admission> => {
    const hash = hashOf(secret);
    if (hash === operatorHash) return OPERATOR;
    if (ring.isKnown(hash)) {
      const found = ring.find(hash);
      return found instanceof Promise ? found.then(admissionOf) : admissionOf(found);
    }
    guesses.check(address);
    return Promise.resolve(ring.find(hash)).then((key) => {
      if (key === undefined) guesses.count(address);
      return admissionOf(key);
    });
  };

  const withToken = (token: string, address: string): Admission | Promise<Admission> => {
    if (tokens === undefined) throw invalid();
    const known = tokens.known(token);
    if (known !== undefined) return { caller: known, limits: NO_LIMITS };
    if (!tokens.wasValid(token)) guesses.check(address);
    return tokens.verify(token).then((caller) => {
      if (caller === undefined) {
        guesses.count(address);
        throw invalid();
      }
      return { caller, limits: NO_LIMITS };
    });
  };

  return {
    isOpen,
    admit(arrival) {
      const header = arrival.header("authorization");
      if (header !== undefined) {
        const [, credential] = BEARER.exec(header) ?? [];
        if (credential === undefined) throw invalid();
        if (isSecret(credential)) return withKey(credential, arrival.address);
        return withToken(credential, arrival.address);
      }
      if (arrival.isLocal) return LOCAL;
      const names = options.acceptsCertificates ? arrival.certificate() : undefined;
      if (names !== undefined) return withCertificate(names);
      const isServed = isOpen();
      return typeof isServed === "boolean" ? anonymous(isServed) : isServed.then(anonymous);
    },
  };
}

/** Callers of the connections that have shown a certificate. Each connection has its own list of names. */
const admissions = new WeakMap<readonly string[], Admission>();

const withCertificate = (names: readonly string[]): Admission =>
  admissions.getOrInsertComputed(names, () => {
    const caller = callerOfCertificate(names);
    if (caller === undefined) throw invalid();
    return { caller, limits: NO_LIMITS };
  });

/** The caller that the URI names of a certificate describe. */
function callerOfCertificate(names: readonly string[]): Caller | undefined {
  const identity = certificateIdentity(names);
  if (identity === undefined) return undefined;
  const { role, project, user } = identity;
  if (user !== undefined && !mayBeBound(role)) return undefined;
  const actor = `certificate:${names.find((name) => name.startsWith("purser://"))}`;
  return callerWith(role, { kind: "certificate", actor, project, user });
}

function admissionOf(key: KnownKey | undefined): Admission {
  if (key === undefined || !key.isUsable()) throw invalid();
  return key;
}

const invalid = (): Failure => new Failure({ reason: "KEY_INVALID" });
