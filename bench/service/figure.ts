import { median } from "../tokens/measure.ts";

/** A measured figure with its target. */
export interface Figure {
  name: string;
  /** The median over the rounds. */
  value: number;
  least: number;
  most: number;
  unit: string;
  target?: { atLeast: number } | { atMost: number };
}

export const figureOf = (
  name: string,
  values: readonly number[],
  unit: string,
  target?: Figure["target"],
): Figure => ({
  name,
  value: median(values),
  least: Math.min(...values),
  most: Math.max(...values),
  unit,
  ...(target === undefined ? {} : { target }),
});

/** Whether the target was met. Undefined if there is no target. */
export function isMet({ value, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  return "atLeast" in target ? value >= target.atLeast : value <= target.atMost;
}

/**
 * Measures all subjects one after the other in every round, so that a disturbance of the machine affects all of them. A
 * first round is not counted, because a program that has just started is slower.
 */
export async function interleaved<Name extends string>(
  rounds: number,
  subjects: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(subjects) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const value = await subjects[name]();
      if (round >= 0) values[name].push(value);
    }
  }
  return values;
}

/** The ratio of two values in each round. */
export const ratios = (values: readonly number[], of: readonly number[]): number[] =>
  values.map((value, round) => value / (of[round] as number));
