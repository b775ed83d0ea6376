import { auditEntryToMessage } from "../convert-audit.ts";
import { checkOptionalName, checkOptionalText, checkPageSize, checkTimeRange } from "../fields.ts";
import { decodePageToken, encodePageToken } from "../page-token.ts";
import type { KeyHandlers } from "../pipeline.ts";
import type { Services } from "./services.ts";

/** In bytes. An actor may contain the names of an issuer and a subject, or the name in a certificate. */
const ACTOR_BYTES_MAX = 1024;

/** Handler of the method that reads the audit log. */
export const auditHandlers = ({ reader }: Services): Pick<KeyHandlers, "listAuditEntries"> => ({
  listAuditEntries: async (request) => {
    const project = checkOptionalName("project", request.project) ?? "";
    const subject = checkOptionalName("subject", request.subject);
    const actor = checkOptionalText("actor", request.actor, ACTOR_BYTES_MAX);
    const { startUs, endUs } = checkTimeRange(request);
    const limit = checkPageSize(request.pageSize);
    const scope = ["ListAuditEntries", project, subject, actor, String(startUs), String(endUs)];
    const [createdAtUs, auditId = ""] = decodePageToken(scope, request.pageToken, "integer", "text") ?? [];
    const before = createdAtUs === undefined ? undefined : { createdAtUs: BigInt(createdAtUs), auditId };
    const page = { project, subject, actor, startUs, endUs, before, limit };
    const { items, more } = await reader.listAuditEntries(page);
    const last = items.at(-1);
    return {
      entries: items.map(auditEntryToMessage),
      nextPageToken: more && last ? encodePageToken(scope, [String(last.createdAtUs), last.auditId]) : "",
    };
  },
});
