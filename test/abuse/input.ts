/** One thing that is sent to the server, made whole before it is sent, so that it can be printed and sent again. */
export interface Input {
  /** What bites, for the report. */
  what: string;
  way: Way;
  /** The method of the service, the route, or what else is asked for. */
  method: string;
  sent: Sent;
  /** Bytes that are no request: the server may close the connection without an answer. */
  mayClose?: boolean;
  /** The deadline that the call carries. An answer that says it has passed must not come earlier. */
  deadlineMs?: number;
  /** A page of another site sends it: it must be refused. */
  isForeign?: boolean;
  /** gRPC's specification demands this code, though it is INTERNAL. */
  codeSpecified?: number;
}

/** How the message is framed, and so how its answer is read. */
export type Way =
  | "gRPC"
  | "Connect"
  | "Connect JSON"
  | "Connect stream"
  | "Connect JSON stream"
  | "gRPC-Web"
  | "gRPC-Web text"
  | "gRPC-Web JSON"
  | "legacy"
  | "HTTP";

/** What the client does after it has written. `wait`: for the answer. `leave`: it closes the connection at once. */
export type Ending = "wait" | "leave" | "half-close";

export type Sent =
  /** Bytes on a connection of their own. */
  | {
      kind: "bytes";
      port: "grpc" | "http";
      bytes: Buffer;
      ending: Ending;
      answers: number;
      isStream: boolean;
    }
  /** A stream of HTTP/2. `reset`: it is cancelled after the last chunk. */
  | {
      kind: "http2";
      headers: Record<string, string | string[]>;
      chunks: readonly Buffer[];
      ending: "end" | "reset" | "leave";
      isStream: boolean;
    };

export type Answer =
  /** An answer as it was read. HTTP/1 has no trailers here; HTTP/2 has its trailers among the headers. */
  | {
      kind: "answered";
      status: number;
      headers: ReadonlyMap<string, string>;
      body: Buffer;
      elapsedMs: number;
    }
  /** The server closed the connection, or reset the stream, before it had answered. */
  | { kind: "closed"; why: string }
  /** The client left, as it was told to. */
  | { kind: "left" }
  /** No answer within the time limit. */
  | { kind: "silent" };
