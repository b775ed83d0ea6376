import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A proxy between a client and a server that can be shut. */
export interface Gate extends AsyncDisposable {
  readonly url: string;
  /** From now on, connections are refused; the existing ones have been closed. */
  shut(): Promise<void>;
  /** From now on, connections stay open, and bytes sent over them are dropped. */
  stall(): void;
  open(): Promise<void>;
}

export async function startGate(target: string): Promise<Gate> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isStalled = false;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("data", (chunk: Buffer) => {
        if (!isStalled) other.write(chunk);
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  const listen = async (on: number): Promise<number> => {
    server.listen(on, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const shut = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const own = await listen(0);
  return {
    url: `http://127.0.0.1:${own}`,
    shut,
    stall() {
      isStalled = true;
    },
    async open() {
      isStalled = false;
      if (!server.listening) await listen(own);
    },
    [Symbol.asyncDispose]: shut,
  };
}
