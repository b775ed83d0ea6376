import type { MessageInitShape } from "@bufbuild/protobuf";
import { type KeySchema, Role as RoleMessage } from "../../../gen/es/budget/v1/key_pb.ts";
import type { CreateKeyRequest, RevokeKeyRequest } from "../../../gen/es/budget/v1/key_service_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import { type Key, mayBeBound, type Role } from "../../domain/key.ts";
import { makeRequestId } from "../../engine/commit/request-id.ts";
import { readPage } from "../../engine/read/page.ts";
import { listKeys } from "../../store/keys.ts";
import { checkName, checkOptionalName, checkPageSize, checkTimestamp, toTimestamp } from "../fields.ts";
import { hashOf, makeSecret, prefixOf } from "../keys/secret.ts";
import { decodePageToken, encodePageToken } from "../page-token.ts";
import type { CallContext, KeyHandlers } from "../pipeline.ts";
import type { Services } from "./services.ts";

/** Handlers of the methods of KeyService for keys. */
export const keyHandlers = (
  services: Services,
): Pick<KeyHandlers, "createKey" | "listKeys" | "revokeKey"> => ({
  createKey: async (request, context) => {
    const secret = makeSecret();
    const key = await services.keys.create(newKey(request, secret, context), context.caller);
    return { key: keyToMessage(key), secret };
  },

  listKeys: async (request) => {
    const project = checkOptionalName("project", request.project) ?? "";
    const limit = checkPageSize(request.pageSize);
    const scope = ["ListKeys", project];
    const [after] = decodePageToken(scope, request.pageToken, "text") ?? [];
    const { items, more } = await readPage<Key>(limit, (rowsMax, last) =>
      services.store.read((connection) =>
        listKeys(connection, { project, after: last === undefined ? after : last.keyId, limit: rowsMax }),
      ),
    );
    return {
      keys: items.map(keyToMessage),
      nextPageToken: more ? encodePageToken(scope, [items.at(-1)?.keyId ?? ""]) : "",
    };
  },

  revokeKey: async (request, context) => {
    const project = checkOptionalName("project", request.project) ?? "";
    const keyId = checkKeyId(request);
    const atUs = request.revokeTime && checkTimestamp("revoke_time", request.revokeTime);
    const key = await services.keys.revoke({ project, keyId }, atUs, context.caller);
    return { key: keyToMessage(key) };
  },
});

const KEY_ID_CHARACTERS_MAX = 64;

function checkKeyId({ keyId }: RevokeKeyRequest): string {
  checkName("key_id", keyId);
  if (keyId.length > KEY_ID_CHARACTERS_MAX) throw invalidField("key_id", "must be the id of a key");
  return keyId;
}

type NewKey = Omit<Key, "createdAtUs">;

function newKey(request: CreateKeyRequest, secret: string, { caller }: CallContext): NewKey {
  const name = checkName("name", request.name);
  const role = roleFromMessage(request.role);
  const user = checkOptionalName("user", request.user);
  if (role === "OPERATOR" && request.project !== "")
    throw invalidField("project", "must be empty with ROLE_OPERATOR, which may use all projects");
  if (user !== undefined && !mayBeBound(role))
    throw invalidField("user", "must be empty with ROLE_ADMIN and ROLE_OPERATOR");
  return {
    project: role === "OPERATOR" ? "" : checkName("project", request.project),
    keyId: makeRequestId(),
    secretHash: hashOf(secret),
    prefix: prefixOf(secret),
    name,
    role,
    user,
    callsPerSecondMax: checkLimit("calls_per_second_max", request.limits?.callsPerSecondMax),
    callsInFlightMax: checkLimit("calls_in_flight_max", request.limits?.callsInFlightMax),
    creator: caller.actor,
    expiresAtUs: request.expireTime && checkTimestamp("expire_time", request.expireTime),
    revokedAtUs: undefined,
    usedAtUs: undefined,
  };
}

const LIMIT_MAX = 1_000_000;

function checkLimit(name: string, limit: number | undefined): number | undefined {
  if (limit === undefined || limit === 0) return undefined;
  if (limit < 0 || limit > LIMIT_MAX)
    throw invalidField(`limits.${name}`, `must be 0 to ${LIMIT_MAX}, not ${limit}`);
  return limit;
}

const ROLES: Partial<Record<RoleMessage, Role>> = {
  [RoleMessage.READER]: "READER",
  [RoleMessage.SPENDER]: "SPENDER",
  [RoleMessage.ADMIN]: "ADMIN",
  [RoleMessage.OPERATOR]: "OPERATOR",
};

function roleFromMessage(message: RoleMessage): Role {
  const role = ROLES[message];
  if (role === undefined) throw invalidField("role", "must be reader, spender, admin or operator");
  return role;
}

const keyToMessage = (key: Key): MessageInitShape<typeof KeySchema> => ({
  keyId: key.keyId,
  prefix: key.prefix,
  name: key.name,
  role: RoleMessage[key.role],
  project: key.project,
  user: key.user ?? "",
  limits: {
    callsPerSecondMax: key.callsPerSecondMax ?? 0,
    callsInFlightMax: key.callsInFlightMax ?? 0,
  },
  createTime: toTimestamp(key.createdAtUs),
  creator: key.creator,
  expireTime: key.expiresAtUs === undefined ? undefined : toTimestamp(key.expiresAtUs),
  revokeTime: key.revokedAtUs === undefined ? undefined : toTimestamp(key.revokedAtUs),
  lastUseTime: key.usedAtUs === undefined ? undefined : toTimestamp(key.usedAtUs),
});
