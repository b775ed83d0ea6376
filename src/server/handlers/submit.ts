import { Failure } from "../../domain/errors.ts";
import type { Operation, Verdict } from "../../engine/commit/operation.ts";
import type { Abandoned } from "../../engine/commit/submitted.ts";
import type { Services } from "./services.ts";

/** Submits an operation and returns its verdict. A refusal is thrown. @throws Failure */
export async function submit(
  { engine }: Pick<Services, "engine">,
  operation: Operation,
  abandoned: Abandoned,
): Promise<Verdict & { ok: true }> {
  const verdict = await engine.submit(operation, abandoned);
  if (!verdict.ok) throw new Failure(verdict.error);
  return verdict;
}
