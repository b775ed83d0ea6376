import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { performance } from "node:perf_hooks";
import type { Answer, Sent } from "../input.ts";
import { ANSWER_MS_MAX } from "./http1.ts";

type Stream = Sent & { kind: "http2" };

/** Opens an HTTP/2 stream on a new connection, and reads its answer, trailers included. */
export function sendStream(sent: Stream, port: number): Promise<Answer> {
  const started = performance.now();
  return new Promise((resolve) => {
    // Above the 10 MB that Node allows a session by default, because the largest inputs are larger.
    const session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 100 });
    const finish = (answer: Answer): void => {
      clearTimeout(timer);
      session.destroy();
      resolve(answer);
    };
    const closed = (why: string): void => finish({ kind: "closed", why });
    const timer = setTimeout(() => finish({ kind: "silent" }), ANSWER_MS_MAX);
    session.on("error", (error: NodeJS.ErrnoException) => closed(error.code ?? error.message));
    session.on("close", () => closed("the server closed the connection"));
    const stream = request(session, sent, closed);
    if (stream === undefined) return;
    const headers = new Map<string, string>();
    const chunks: Buffer[] = [];
    const answered = (): void =>
      finish({
        kind: "answered",
        status: Number(headers.get(":status") ?? 0),
        headers,
        body: Buffer.concat(chunks),
        elapsedMs: performance.now() - started,
      });
    const learn = (given: object): void => {
      for (const [name, value] of Object.entries(given)) headers.set(name, String(value));
    };
    stream.on("response", learn).on("trailers", learn);
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (sent.isStream) answered();
    });
    const left = (): void => finish({ kind: "left" });
    stream.on("close", () => {
      if (sent.ending !== "end") left();
      else if (headers.has(":status")) answered();
      else closed(`the stream was reset with ${stream.rstCode}`);
    });
    write(stream, sent, left);
  });
}

function request(
  session: ClientHttp2Session,
  sent: Stream,
  refused: (why: string) => void,
): ClientHttp2Stream | undefined {
  try {
    return session.request(sent.headers, { endStream: sent.chunks.length === 0 && sent.ending === "end" });
  } catch (error) {
    // Node's own client refuses to send some inputs.
    refused(`the client: ${(error as Error).message}`);
    return undefined;
  }
}

function write(stream: ClientHttp2Stream, sent: Stream, left: () => void): void {
  for (const chunk of sent.chunks) stream.write(chunk);
  switch (sent.ending) {
    case "end":
      stream.end();
      return;
    case "reset":
      // Writes first, so that the server has begun to read when the reset arrives.
      stream.write(Buffer.alloc(0), () => stream.close(constants.NGHTTP2_CANCEL));
      return;
    case "leave":
      stream.write(Buffer.alloc(0), left);
      return;
    default: {
      const unreachable: never = sent.ending;
      return unreachable;
    }
  }
}
