import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** What V8 says about a function or a block: how often it ran. The ranges of a function are nested. */
export interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Report {
  result: { url: string; functions: { ranges: Range[] }[] }[];
}

/** The ranges of each file, one list for each process or thread that loaded it. */
export type Coverage = ReadonlyMap<string, readonly (readonly Range[])[]>;

/** Reads what the processes of one test have left in the folder of NODE_V8_COVERAGE. Paths are relative to the root. */
export function readCoverage(folder: string, root: string, wanted: ReadonlySet<string>): Coverage {
  const prefix = pathToFileURL(join(root, "/")).href;
  const coverage = new Map<string, Range[][]>();
  for (const name of readdirSync(folder)) {
    for (const { url, functions } of readReport(join(folder, name))) {
      const path = url.startsWith(prefix) ? decodeURI(url.slice(prefix.length)) : "";
      if (!wanted.has(path)) continue;
      const ranges = functions.flatMap((each) => each.ranges);
      coverage.set(path, [...(coverage.get(path) ?? []), ranges]);
    }
  }
  return coverage;
}

function readReport(path: string): Report["result"] {
  try {
    return (JSON.parse(readFileSync(path, "utf8")) as Report).result;
  } catch {
    // A process that was killed leaves a part of its report.
    return [];
  }
}

/** Whether a process ran the position: the smallest range around it decides. */
export const executes = (coverage: Coverage, path: string, position: number): boolean =>
  (coverage.get(path) ?? []).some((ranges) => (smallestAround(ranges, position)?.count ?? 0) > 0);

function smallestAround(ranges: readonly Range[], position: number): Range | undefined {
  let smallest: Range | undefined;
  for (const range of ranges) {
    if (position < range.startOffset || position >= range.endOffset) continue;
    if (smallest === undefined || sizeOf(range) < sizeOf(smallest)) smallest = range;
  }
  return smallest;
}

const sizeOf = ({ startOffset, endOffset }: Range): number => endOffset - startOffset;
