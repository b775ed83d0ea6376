/** One input for the server. It is built completely before it is sent, so that it can be printed and sent again. */
export interface Input {
  /** What is hostile about the input, for the report. */
  what: string;
  way: Way;
  /** The method of the service, the route, or the other target of the input. */
  method: string;
  sent: Sent;
  /** The bytes are not a request: the server may close the connection without an answer. */
  mayClose?: boolean;
  /** The deadline of the call. An answer that reports it as passed must not come earlier. */
  deadlineMs?: number;
  /** The request comes from a page of another site and must be refused. */
  isForeign?: boolean;
  /** gRPC's specification demands INTERNAL for this input, although INTERNAL otherwise means a defect. */
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

/** What the client does after it has written. `wait`: waits for the answer. `leave`: closes the connection at once. */
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
  /** An HTTP/2 stream. `reset`: the client cancels it after the last chunk. */
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
  /** The server closed the connection, or reset the stream, before it answered. */
  | { kind: "closed"; why: string }
  /** The client closed the connection, as the input says. */
  | { kind: "left" }
  /** No answer came within the time limit. */
  | { kind: "silent" };
