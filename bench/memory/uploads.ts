import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import type { ServerProcess } from "../service/processes.ts";

const CONNECTIONS = 150;
const MEGABYTES = 15;
const CHUNK = Buffer.alloc(1_000_000, 0x20);

/** Uploads 150 bodies of 15 MB at once. @returns How they were answered. */
export async function uploadTo({ httpUrl }: ServerProcess, path: string): Promise<string> {
  const statuses = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => upload(`${httpUrl}${path}`).catch(() => "cut" as const)),
  );
  return counted(statuses);
}

/** Sends without saying how much, as fast as it is taken. @returns The HTTP status. */
async function upload(url: string): Promise<number | undefined> {
  const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
  const asked: ClientRequest = request(url, { method: "POST", agent: false, headers });
  asked.on("error", () => {});
  const answered = once(asked, "response") as Promise<[IncomingMessage]>;
  Readable.from(Array.from({ length: MEGABYTES }, () => CHUNK)).pipe(asked);
  const [answer] = await answered;
  answer.resume();
  return answer.statusCode;
}

/** How often each answer occurs, as text. */
export const counted = (answers: readonly unknown[]): string =>
  [...Map.groupBy(answers, String)].map(([answer, all]) => `${all.length} x ${answer}`).join(", ");
