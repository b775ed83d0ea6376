/**
 * Identifies the caller of a request and its permissions. Only `callerOf` creates a Caller; it is then passed along
 * with the call.
 */

export type Permission = "READ" | "SPEND" | "ADMINISTER" | "OPERATE";

export interface Caller {
  /** `local`: code in this process. `anonymous`: any client that reaches a port. There are no API keys yet. */
  kind: "local" | "anonymous";
  /** The id of the API key of the request. Undefined: the request has no key. */
  keyId: string | undefined;
  /** The only project that the caller may use. Undefined: all projects. */
  project: string | undefined;
  /** The only user, with its descendants, that the caller may use. Undefined: all users. */
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
 * Determines the caller of a request.
 *
 * @param request.isLocal True if the request was made in this process, without a port.
 * @param request.header Reads a header. An API key would be in `authorization`.
 */
export const callerOf = (request: { isLocal: boolean; header(name: string): string | undefined }): Caller =>
  request.isLocal ? LOCAL : ANONYMOUS;
