import { readFile } from "node:fs/promises";

/** The most memory that a process has had in RAM, from /proc. */
export async function peakMegabytes(pid: number): Promise<number> {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round((Number(kilobytes) * 1024) / 1_000_000);
}
