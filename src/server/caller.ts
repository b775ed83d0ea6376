/** Who makes a call, and what it may do. Made here and nowhere else, then passed down with the call. */

export type Permission = "READ" | "SPEND" | "ADMINISTER" | "OPERATE";

export interface Caller {
  /** `local`: this process. `anonymous`: whoever reaches a port, as long as there are no keys. */
  kind: "local" | "anonymous";
  /** The key that was presented. */
  keyId: string | undefined;
  /** The only project that it may use. Undefined: every project. */
  project: string | undefined;
  /** The only user, with those below, that it may use. Undefined: every user. */
  user: string | undefined;
  permissions: ReadonlySet<Permission>;
}

const withAllPermissions = (kind: Caller["kind"]): Caller =>
  Object.freeze({
    kind,
    keyId: undefined,
    project: undefined,
    user: undefined,
    permissions: new Set<Permission>(["READ", "SPEND", "ADMINISTER", "OPERATE"]),
  });

const LOCAL = withAllPermissions("local");
const ANONYMOUS = withAllPermissions("anonymous");

/**
 * The caller of a request.
 *
 * @param request.isLocal Made in this process, without a port.
 * @param request.header Reads a header: a key will be in `authorization`.
 */
export const callerOf = (request: { isLocal: boolean; header(name: string): string | undefined }): Caller =>
  request.isLocal ? LOCAL : ANONYMOUS;
