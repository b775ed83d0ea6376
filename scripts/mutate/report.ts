import type { Mutant } from "./mutants.ts";
import { interval95 } from "./sample.ts";
import type { Verdict } from "./try-mutant.ts";

export interface Tried {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
}

/** `src/domain/money.ts:12: a < b -> a <= b` */
export const lineOf = ({ path, line, before, after }: Mutant): string =>
  `${path}:${line}: ${before} -> ${after}`;

/** One line for a mutant that no test has noticed; undefined for the others. */
export function survivorLine({ mutant, verdict }: Tried): string | undefined {
  switch (verdict.kind) {
    case "survived":
      return lineOf(mutant);
    case "not covered":
      return `${lineOf(mutant)} (no test executes it)`;
    case "killed":
    case "timed out":
      return undefined;
    default: {
      const unreachable: never = verdict;
      return unreachable;
    }
  }
}

/** The line with the score of a folder or file. `total` is the number of its mutants, of which some were tried. */
export function scoreLine(path: string, total: number, tried: readonly Tried[]): string {
  const count = (kind: Verdict["kind"]): number =>
    tried.filter(({ verdict }) => verdict.kind === kind).length;
  const killed = count("killed") + count("timed out");
  const isSample = tried.length < total;
  const [low, high] = interval95(killed, tried.length).map(percent);
  return [
    `${path}: ${percent(killed / Math.max(tried.length, 1))} % of ${tried.length} mutants noticed`,
    isSample ? ` (a sample of ${total}; 95 % interval ${low} to ${high} %)` : "",
    `: ${count("killed")} by a failure, ${count("timed out")} by a timeout;`,
    ` ${count("survived")} survived, ${count("not covered")} are executed by no test`,
  ].join("");
}

const percent = (share: number): string => (100 * share).toFixed(1);
