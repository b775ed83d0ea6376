import type { Random } from "../../test/support/random.ts";

/** One item at random from each of `count` equal parts of a list, so that no part of the code is missed. */
export function sample<T>(items: readonly T[], count: number, random: Random): T[] {
  if (count >= items.length) return [...items];
  const startOf = (part: number): number => Math.floor((part * items.length) / count);
  return Array.from({ length: count }, (_, part) =>
    random.pick(items.slice(startOf(part), startOf(part + 1))),
  );
}

/** Wilson's interval: with 95 %, the share of a whole of which `hits` of `count` were seen lies in it. */
export function interval95(hits: number, count: number): [low: number, high: number] {
  if (count === 0) return [0, 1];
  const z = 1.96;
  const share = hits / count;
  const scale = 1 + z ** 2 / count;
  const centre = (share + z ** 2 / (2 * count)) / scale;
  const reach = (z / scale) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return [Math.max(0, centre - reach), Math.min(1, centre + reach)];
}
