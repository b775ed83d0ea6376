import { PERMISSIONS, type Permission, type Role } from "../domain/key.ts";

/**
 * The caller of a request: what it may do, and where. It is created in one place, from the credential of the request, and then
 * passed along with the call.
 */
export interface Caller {
  /**
   * `local`: code in this process. `anonymous`: any client that reaches a port of a server without keys. `operator-key`:
   * PURSER_OPERATOR_KEY. `key`: a key of KeyService. `token`: a JWT. `certificate`: a client certificate.
   */
  readonly kind: "local" | "anonymous" | "operator-key" | "key" | "token" | "certificate";
  /** The id of the key. Undefined for other kinds. */
  readonly keyId: string | undefined;
  /** The only project that the caller may use. Undefined: all projects. */
  readonly project: string | undefined;
  /** The only user, with its descendants, that the caller may use. Undefined: all users. */
  readonly user: string | undefined;
  readonly permissions: ReadonlySet<Permission>;
  /** How the audit log names the caller: see AuditEntry.actor. */
  readonly actor: string;
}

/** Creates a caller with a role in one project, or, as OPERATOR, in all projects. */
export const callerWith = (
  role: Role,
  identity: Pick<Caller, "kind" | "actor"> & Partial<Pick<Caller, "keyId" | "project" | "user">>,
): Caller =>
  Object.freeze({
    keyId: undefined,
    project: undefined,
    user: undefined,
    ...identity,
    permissions: PERMISSIONS[role],
  });

export const LOCAL_CALLER = callerWith("OPERATOR", { kind: "local", actor: "local" });
export const ANONYMOUS_CALLER = callerWith("OPERATOR", { kind: "anonymous", actor: "anonymous" });
