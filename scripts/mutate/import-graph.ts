import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/**
 * The files that a file needs, by path from the root. Besides imports these are the files that it names in a string,
 * such as the program that a test starts, or the file of a worker.
 */
export type Imports = (path: string) => readonly string[];

export function importsBelow(root: string): Imports {
  const known = new Map<string, readonly string[]>();
  return (path) => {
    const found = known.get(path) ?? readImports(root, path);
    known.set(path, found);
    return found;
  };
}

function readImports(root: string, path: string): string[] {
  const text = readFileSync(join(root, path), "utf8");
  const named = [...text.matchAll(/"([^"\n]+\.ts)"/g)].map(([, name = ""]) => name);
  const places = named.flatMap((name) => [normalize(join(dirname(path), name)), normalize(name)]);
  const inside = places.filter((place) => !place.startsWith("..") && !place.startsWith("/"));
  return [...new Set(inside)].filter((place) => place !== path && existsSync(join(root, place)));
}

/** All files that a file needs, with the number of steps to each. The file itself is at 0. */
export function stepsFrom(path: string, imports: Imports): Map<string, number> {
  const steps = new Map([[path, 0]]);
  // A Map visits the entries that are added during the loop.
  for (const [current, distance] of steps) {
    for (const next of imports(current)) {
      if (!steps.has(next)) steps.set(next, distance + 1);
    }
  }
  return steps;
}
