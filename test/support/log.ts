import { once } from "node:events";
import type { Program } from "./program.ts";

/** A line that a program has logged. */
export interface LogLine {
  level: number;
  msg: string;
  pid: number;
  [field: string]: unknown;
}

/** The log of a program so far: the complete lines of its standard error that are JSON. */
export const logOf = ({ stderr }: Program): LogLine[] =>
  stderr
    .slice(0, stderr.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as LogLine);

/** Reads the complete lines of a program's standard error, each once: a long log is not read again for every question. */
export function linesOf(program: Program): () => string[] {
  let end = 0;
  return () => {
    const { stderr } = program;
    const from = end;
    end = stderr.lastIndexOf("\n") + 1;
    return end > from ? stderr.slice(from, end - 1).split("\n") : [];
  };
}

/** Waits until a program has logged this many lines with this message, and returns them. */
export async function logged(program: Program, msg: string, lines: number): Promise<LogLine[]> {
  for (;;) {
    const found = logOf(program).filter((line) => line.msg === msg);
    if (found.length >= lines) return found;
    const ended = program.ended().then((end) => {
      throw new Error(`the program ended (${end}): ${program.stderr}`);
    });
    await Promise.race([once(program.process.stderr ?? program.process, "data"), ended]);
    ended.catch(() => {});
  }
}
