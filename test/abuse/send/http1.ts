import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import type { Answer, Sent } from "../input.ts";

export const ANSWER_MS_MAX = 30_000;

type Bytes = Sent & { kind: "bytes" };

/** Writes bytes to a new connection, and reads the last of the HTTP/1.1 answers to them. */
export function sendBytes(sent: Bytes, port: number): Promise<Answer> {
  const started = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let received = Buffer.alloc(0);
    let answersLeft = sent.answers;
    const isHead = sent.bytes.subarray(0, HEAD_VERB.length).equals(HEAD_VERB);
    const finish = (answer: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish({ kind: "silent" }), ANSWER_MS_MAX);
    const read = (isEnd: boolean): void => {
      for (;;) {
        const answer = readAnswer(received, { isEnd, isStream: sent.isStream, isHead });
        if (answer === undefined) return;
        received = received.subarray(answer.length);
        // While a stream is open, the next request of its connection has no answer.
        if (--answersLeft > 0 && !answer.isOpen) continue;
        return finish({ kind: "answered", ...answer, elapsedMs: performance.now() - started });
      }
    };
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (sent.ending !== "leave" && sent.port === "http") read(false);
    });
    socket.on("error", (error: NodeJS.ErrnoException) =>
      finish({ kind: "closed", why: error.code ?? error.message }),
    );
    // A server that refuses a request may answer and close while the client still writes.
    socket.on("end", () => {
      if (sent.port === "http") read(true);
      finish({ kind: "closed", why: "the server closed the connection" });
    });
    socket.on("connect", () => {
      if (sent.ending === "wait") socket.write(sent.bytes);
      else if (sent.ending === "half-close") socket.end(sent.bytes);
      else socket.write(sent.bytes, () => finish({ kind: "left" }));
    });
  });
}

interface Read {
  status: number;
  headers: ReadonlyMap<string, string>;
  body: Buffer;
  /** Length of the answer in bytes. */
  length: number;
  /** Whether the answer is a stream that has not ended. */
  isOpen: boolean;
}

interface How {
  isEnd: boolean;
  isStream: boolean;
  isHead: boolean;
}

const HEAD_VERB = Buffer.from("HEAD ");

const HEAD_END = "\r\n\r\n";

/** Parses the first complete answer in these bytes. `100 Continue` is skipped. */
function readAnswer(bytes: Buffer, how: How): Read | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end === -1) return undefined;
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(first)?.[1] ?? 0);
  const start = end + HEAD_END.length;
  const rest = bytes.subarray(start);
  if (status >= 100 && status < 200 && status !== 101) {
    const next = readAnswer(rest, how);
    return next && { ...next, length: start + next.length };
  }
  const headers = new Map(lines.map(headerOf));
  // The answer to HEAD states the length of a body that it does not have. 204 has no body, and does not state a length.
  const hasBody = status !== 204 && !how.isHead;
  const body = hasBody ? readBody(rest, headers, how) : { bytes: Buffer.of(), length: 0, isOpen: false };
  return body && { status, headers, body: body.bytes, length: start + body.length, isOpen: body.isOpen };
}

const headerOf = (line: string): [string, string] => {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
};

function readBody(
  rest: Buffer,
  headers: ReadonlyMap<string, string>,
  { isEnd, isStream }: How,
): { bytes: Buffer; length: number; isOpen: boolean } | undefined {
  if (headers.get("transfer-encoding") === "chunked") {
    const { chunks, length, isWhole } = readChunks(rest);
    const bytes = Buffer.concat(chunks);
    // An open stream counts as answered after its first message.
    return isWhole || (isStream && chunks.length > 0) ? { bytes, length, isOpen: !isWhole } : undefined;
  }
  const stated = headers.get("content-length");
  if (stated === undefined) return isEnd ? { bytes: rest, length: rest.length, isOpen: false } : undefined;
  const length = Number(stated);
  return rest.length < length ? undefined : { bytes: rest.subarray(0, length), length, isOpen: false };
}

function readChunks(bytes: Buffer): { chunks: Buffer[]; length: number; isWhole: boolean } {
  const chunks: Buffer[] = [];
  for (let position = 0; ; ) {
    const end = bytes.indexOf("\r\n", position);
    if (end === -1) return { chunks, length: position, isWhole: false };
    const size = Number.parseInt(bytes.subarray(position, end).toString("latin1"), 16);
    const next = end + 2 + size + 2;
    if (bytes.length < next) return { chunks, length: position, isWhole: false };
    if (size === 0) return { chunks, length: next, isWhole: true };
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
    position = next;
  }
}
