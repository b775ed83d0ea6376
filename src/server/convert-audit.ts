import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { AuditAction as ActionMessage, type AuditEntrySchema } from "../../gen/es/budget/v1/audit_pb.ts";
import type { AuditAction, AuditEntry } from "../domain/audit.ts";
import { toTimestamp } from "./fields.ts";

/** Converts entries of the audit log to protobuf messages. */

const ACTIONS: Record<AuditAction, ActionMessage> = {
  CREATE_BUDGET: ActionMessage.CREATE_BUDGET,
  UPDATE_BUDGET: ActionMessage.UPDATE_BUDGET,
  DELETE_BUDGET: ActionMessage.DELETE_BUDGET,
  RESET_COST: ActionMessage.RESET_COST,
  REFUND_COST: ActionMessage.REFUND_COST,
  SET_MODEL_PRICE: ActionMessage.SET_MODEL_PRICE,
  DELETE_MODEL_PRICE: ActionMessage.DELETE_MODEL_PRICE,
  CREATE_KEY: ActionMessage.CREATE_KEY,
  REVOKE_KEY: ActionMessage.REVOKE_KEY,
};

export const auditEntryToMessage = (entry: AuditEntry): MessageInitShape<typeof AuditEntrySchema> => ({
  auditId: entry.auditId,
  project: entry.project,
  createTime: toTimestamp(entry.createdAtUs),
  actor: entry.actor,
  action: ACTIONS[entry.action],
  subject: entry.subject,
  // They were read from a column of JSON.
  before: entry.before as JsonObject | undefined,
  after: entry.after as JsonObject | undefined,
});
