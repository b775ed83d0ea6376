import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { openStage } from "./service/stage.ts";

/** How much memory a server takes while many callers upload much at once, over HTTP: `node bench/uploads.ts`. */

const HELP = `Uploads large requests at once to a server in a process of its own, and prints the most memory that it had.

  node bench/uploads.ts [--connections N] [--megabytes N]

  --connections N   uploads at once; 150 when absent
  --megabytes N     size of each; 15 when absent
`;

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "150" },
    megabytes: { type: "string", default: "15" },
    help: { type: "boolean" },
  },
});

const CHUNK = Buffer.alloc(1_000_000, 0x20);

/** Sends without saying how much, as fast as it is taken. @returns The HTTP status. */
async function upload(url: string, path: string, megabytes: number): Promise<number | undefined> {
  const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
  const asked: ClientRequest = request(`${url}${path}`, { method: "POST", agent: false, headers });
  asked.on("error", () => {});
  const answered = once(asked, "response") as Promise<[IncomingMessage]>;
  Readable.from(Array.from({ length: megabytes }, () => CHUNK)).pipe(asked);
  const [answer] = await answered;
  answer.resume();
  return answer.statusCode;
}

async function peakMegabytes(pid: number): Promise<number> {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1000);
}

if (values.help === true) process.stdout.write(HELP);
else {
  const [connections, megabytes] = [Number(values.connections), Number(values.megabytes)];
  await using stage = await openStage({ rounds: 1, seconds: 1, budgets: 1 });
  for (const path of ["/budget.v1.BudgetService/UpdateCost", "/set_budget"]) {
    await using purser = await stage.startPurser({
      DATABASE_URL: await stage.createDatabase(),
      LOG_LEVEL: "error",
    });
    const before = await peakMegabytes(purser.pid);
    const url = purser.httpUrl;
    const statuses = await Promise.all(
      Array.from({ length: connections }, () => upload(url, path, megabytes).catch(() => "cut" as const)),
    );
    const counts = Map.groupBy(statuses, String);
    const answers = [...counts].map(([status, all]) => `${all.length} x ${status}`).join(", ");
    const peak = await peakMegabytes(purser.pid);
    process.stdout.write(
      `${path}: ${connections} x ${megabytes} MB, ${before} MB before, ${peak} MB at most; ${answers}\n`,
    );
  }
}
