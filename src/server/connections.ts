import type { Server, Socket } from "node:net";
import type { Logger } from "pino";

/** A listening transport. */
export interface Listener {
  port: number;
  /** Refuses new calls, waits for running calls, and aborts them after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** The limits of a port. */
export interface Limits {
  connectionsMax: number;
  /** How long a request may take to arrive, in milliseconds. */
  requestReceiveMsMax: number;
  /**
   * How long a connection may be idle before it is probed, and how long the peer may take to answer, in milliseconds.
   */
  keepaliveMs: number;
}

const PROBES = 5;
const LOG_PAUSE_MS = 10_000;

/** Logs one line per pause, so that a flood of connections does not flood the log. */
export function createLogPause(): (write: () => void) => void {
  let isQuiet = false;
  return (write) => {
    if (isQuiet) return;
    isQuiet = true;
    setTimeout(() => (isQuiet = false), LOG_PAUSE_MS).unref();
    write();
  };
}

/** The open connections of a server, whether their TLS handshake is complete or not. */
export function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return sockets;
}

/**
 * Bounds the number of connections of a port and enables TCP keepalive. Keepalive finds peers that lost power or
 * network and never closed their connection.
 */
export function boundConnections(server: Server, limits: Limits, log: Logger): void {
  const { connectionsMax, keepaliveMs } = limits;
  server.maxConnections = connectionsMax;
  const logPaced = createLogPause();
  server.on("drop", () =>
    logPaced(() => log.warn({ connectionsMax }, "connections were refused: CONNECTIONS_MAX are open")),
  );
  server.on("connection", (socket: Socket) => {
    const second = 1000;
    const interval = Math.max(second, keepaliveMs / PROBES);
    socket.setKeepAlive(true, Math.max(second, keepaliveMs), interval, PROBES);
  });
}
