import type { InstantUs } from "./period.ts";

/** What a caller may do. A role includes all roles before it. */
export const ROLES = ["READER", "SPENDER", "ADMIN", "OPERATOR"] as const;
export type Role = (typeof ROLES)[number];

/** What a method needs: to read, to spend, to manage one project, or to manage the whole server. */
export type Permission = "READ" | "SPEND" | "ADMINISTER" | "OPERATE";

export const PERMISSIONS: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  READER: new Set(["READ"]),
  SPENDER: new Set(["READ", "SPEND"]),
  ADMIN: new Set(["READ", "SPEND", "ADMINISTER"]),
  OPERATOR: new Set(["READ", "SPEND", "ADMINISTER", "OPERATE"]),
};

/** Whether a caller with this role may be bound to a user. The other roles manage more than one budget. */
export const mayBeBound = (role: Role): boolean => role === "READER" || role === "SPENDER";

const SECRET = /^pk_[A-Za-z0-9_-]{43}$/;

/** Whether a text has the form of a secret: a prefix, and 256 bits in base64url. */
export const isSecret = (text: string): boolean => SECRET.test(text);

/** A key as it is stored. The secret is not. */
export interface Key {
  /** Empty for an operator's key. */
  project: string;
  keyId: string;
  /** The SHA-256 hash of the secret, in base64url. */
  secretHash: string;
  /** The beginning of the secret. */
  prefix: string;
  name: string;
  role: Role;
  /** The only budget, with those below it, that the key may use. Undefined: all budgets of the project. */
  user: string | undefined;
  callsPerSecondMax: number | undefined;
  callsInFlightMax: number | undefined;
  createdAtUs: InstantUs;
  /** The caller that created the key, as in audit entries. */
  creator: string;
  expiresAtUs: InstantUs | undefined;
  revokedAtUs: InstantUs | undefined;
  /** The hour in which the key was last used. */
  usedAtUs: InstantUs | undefined;
}

/** Whether a key works at an instant. */
export const isUsable = (key: Pick<Key, "expiresAtUs" | "revokedAtUs">, nowUs: InstantUs): boolean =>
  (key.expiresAtUs === undefined || nowUs < key.expiresAtUs) &&
  (key.revokedAtUs === undefined || nowUs < key.revokedAtUs);
