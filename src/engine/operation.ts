import type { Budget } from "../domain/budget.ts";
import type { Entry, EntrySource } from "../domain/entry.ts";
import type { BudgetError } from "../domain/errors.ts";
import type { NanoUsd } from "../domain/money.ts";

interface Mutation {
  project: string;
  user: string;
  /** Makes the operation happen once. Unique in the project. */
  requestId: string;
  /** Hash of the payload: the same id with another fingerprint is another request. */
  fingerprint: string;
}

/** A cost to record. It is a fact, and is never refused for want of budget. */
export interface Charge extends Mutation {
  kind: "charge";
  source: EntrySource;
  /** As the caller named it. */
  model: string;
  costNanoUsd: NanoUsd;
  /** What was priced and how, as JSON, for the ledger. */
  detail: string | undefined;
  /** Why it cannot be charged, known before. Told only where the request is not a repeated one. */
  refusal?: BudgetError;
}

/** Closes the current period now. */
export interface Reset extends Mutation {
  kind: "reset";
}

/** What can be asked of the engine. Reserving, releasing and extending will be further members. */
export type Operation = Charge | Reset;

/** What became of an operation. */
export type Verdict =
  | { ok: true; entry: Entry; budget: Budget; replayed: boolean }
  | { ok: false; error: BudgetError };
