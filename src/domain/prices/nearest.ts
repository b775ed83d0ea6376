export interface Alike {
  known: string;
  /** Greater than 0.25, at most 1. */
  score: number;
}

/** Finds the known names that are most similar to an unknown name, the most similar first. */
export type Nearest = (name: string, count: number) => Alike[];

/** Indexes names once, so that a search only compares names that share a pair of characters. */
export function createNearest(names: readonly string[]): Nearest {
  const byPair = new Map<string, number[]>();
  const pairsOf = names.map((name, index) => {
    const pairs = pairsIn(name);
    for (const pair of pairs) {
      const indexes = byPair.get(pair);
      if (indexes === undefined) byPair.set(pair, [index]);
      else indexes.push(index);
    }
    return pairs.size;
  });
  return (name, count) => {
    const wanted = pairsIn(name);
    const shared = new Uint16Array(names.length);
    for (const pair of wanted) {
      for (const index of byPair.get(pair) ?? []) shared[index] = (shared[index] ?? 0) + 1;
    }
    // Dice's coefficient: shared pairs divided by all pairs. Names below a quarter have little more than a word in
    // common.
    const scored = names.map((known, index) => ({
      known,
      score: (2 * (shared[index] ?? 0)) / ((pairsOf[index] ?? 0) + wanted.size),
    }));
    return mostAlike(
      scored.filter(({ score }) => score > 0.25),
      count,
    );
  };
}

export const mostAlike = (names: readonly Alike[], count: number): Alike[] =>
  names.toSorted((a, b) => b.score - a.score || a.known.length - b.known.length).slice(0, count);

/** The pairs of neighbouring characters. The start and the end of the name count as characters. */
function pairsIn(name: string): Set<string> {
  const text = `^${name.toLowerCase()}$`;
  const pairs = new Set<string>();
  for (let at = 0; at + 2 <= text.length; at++) pairs.add(text.slice(at, at + 2));
  return pairs;
}
