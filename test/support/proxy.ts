import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/**
 * How a connection fails: at the answer to COMMIT it is cut or stalls, or it stalls before the server gets COMMIT. A
 * connection that stalls stays open, and bytes sent over it are dropped.
 */
export type Fault = "cut the answer" | "stall the answer" | "swallow the commit";

/** A proxy between a server and PostgreSQL, which passes everything on until told otherwise. */
export interface Proxy extends AsyncDisposable {
  /** The URL of the same database through the proxy. */
  readonly url: string;
  /** The next COMMIT on any connection fails in this way. Resolves after that. */
  strike(fault: Fault): Promise<void>;
}

const COMMAND_COMPLETE = "C";
const QUERY_MESSAGES = ["Q", "P"];

export async function startProxy(database: string): Promise<Proxy> {
  const { hostname, port } = new URL(database);
  const sockets = new Set<Socket>();
  let pending: { fault: Fault; struck: () => void } | undefined;
  const take = (faults: readonly Fault[]): Fault | undefined => {
    if (pending === undefined || !faults.includes(pending.fault)) return undefined;
    const { fault, struck } = pending;
    pending = undefined;
    struck();
    return fault;
  };

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let isStalled = false;
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    // The first message of a client has no type; all messages of PostgreSQL have one.
    const asks = messageReader(true);
    const answers = messageReader(false);
    client.on("data", (chunk: Buffer) => {
      const commits = asks(chunk).some(
        ({ type, body }) => QUERY_MESSAGES.includes(type) && /^\0?commit\0/i.test(body),
      );
      if (commits && take(["swallow the commit"]) !== undefined) isStalled = true;
      if (!isStalled) upstream.write(chunk);
    });
    upstream.on("data", (chunk: Buffer) => {
      const committed = answers(chunk).some(
        ({ type, body }) => type === COMMAND_COMPLETE && body === "COMMIT\0",
      );
      const fault = committed ? take(["cut the answer", "stall the answer"]) : undefined;
      if (fault === "stall the answer") isStalled = true;
      if (fault === "cut the answer") client.destroy();
      else if (!isStalled) client.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as { port: number };
  return {
    url: Object.assign(new URL(database), { port: String(address.port) }).href,
    strike: (fault) =>
      new Promise((struck) => {
        pending = { fault, struck };
      }),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Splits a stream into PostgreSQL's messages: a type, a length that includes itself, and a body. */
function messageReader(beginsUntyped: boolean): (chunk: Buffer) => { type: string; body: string }[] {
  let rest: Buffer = Buffer.alloc(0);
  let typeBytes = beginsUntyped ? 0 : 1;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const messages: { type: string; body: string }[] = [];
    while (rest.length >= typeBytes + 4) {
      const end = typeBytes + rest.readUInt32BE(typeBytes);
      if (rest.length < end) break;
      messages.push({
        type: rest.toString("latin1", 0, typeBytes),
        body: rest.toString("latin1", typeBytes + 4, end),
      });
      rest = rest.subarray(end);
      typeBytes = 1;
    }
    return messages;
  };
}
