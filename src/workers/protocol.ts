import type { BudgetError } from "../domain/errors.ts";

/** What to count: a text, or a chat in OpenAI's JSON. `model` chooses the encoding; an encoding's name does too. */
export type CountJob =
  | { model: string; text: string }
  | { model: string; messages: readonly unknown[]; tools?: readonly unknown[] | undefined };

export type CountAnswer = { tokens: number } | { error: BudgetError };
