import type { Input } from "./input.ts";

/** Inputs with a verdict against the server, grouped by the text of the verdict. */
export interface Failures {
  add(input: Input, number: number, verdict: string): void;
  readonly count: number;
  /** One input of each group, with everything that is needed to send it again. */
  report(): string;
}

const GROUPS_SHOWN_MAX = 40;
const BASE64_CHARACTERS_MAX = 4000;

interface Group {
  count: number;
  input: Input;
  number: number;
  verdict: string;
}

export function createFailures(): Failures {
  const groups = new Map<string, Group>();
  let count = 0;
  return {
    get count() {
      return count;
    },
    add(input, number, verdict) {
      count++;
      // Numbers and quoted text are replaced, since they differ between inputs that fail alike.
      const alike = verdict.replaceAll(/\d+|"[^"]*"/g, "#").slice(0, 60);
      const key = [input.way, input.what.replaceAll(/[\d.]+/g, "#"), alike].join(" | ");
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { count: 1, input, number, verdict });
      // Keeps the shortest input, which is the easiest to understand.
      else if (bytesOf(input).length < bytesOf(group.input).length)
        Object.assign(group, { input, number, verdict, count: group.count + 1 });
      else group.count++;
    },
    report() {
      const all = [...groups.values()].toSorted((a, b) => b.count - a.count);
      const shown = all.slice(0, GROUPS_SHOWN_MAX).map(describe);
      return [`${count} inputs failed, in ${all.length} groups`, ...shown].join("\n\n");
    },
  };
}

const bytesOf = ({ sent }: Input): Buffer =>
  sent.kind === "bytes" ? sent.bytes : Buffer.concat(sent.chunks);

function describe({ count, input, number, verdict }: Group): string {
  const { sent } = input;
  const base64 = bytesOf(input).toString("base64");
  const cut =
    base64.length > BASE64_CHARACTERS_MAX
      ? `${base64.slice(0, BASE64_CHARACTERS_MAX)}... (${base64.length} characters)`
      : base64;
  const how =
    sent.kind === "bytes"
      ? `bytes to the port of ${sent.port}, then ${sent.ending}`
      : `HTTP/2 ${JSON.stringify(sent.headers).slice(0, 1500)}, then ${sent.ending}`;
  return [
    `${count} x ${verdict}`,
    `  input ${number}: ${input.way} ${input.method}: ${input.what}`,
    `  ${how}`,
    `  base64: ${cut}`,
  ].join("\n");
}
