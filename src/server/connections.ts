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

/**
 * Bounds the number of connections of a port and enables TCP keepalive. Keepalive finds peers that lost power or
 * network and never closed their connection.
 */
export function boundConnections(server: Server, limits: Limits, log: Logger): void {
  const { connectionsMax, keepaliveMs } = limits;
  server.maxConnections = connectionsMax;
  // Logs one line per pause, so that a flood of connections does not flood the log.
  let isQuiet = false;
  server.on("drop", () => {
    if (isQuiet) return;
    isQuiet = true;
    setTimeout(() => (isQuiet = false), LOG_PAUSE_MS).unref();
    log.warn({ connectionsMax }, "connections were refused: CONNECTIONS_MAX are open");
  });
  server.on("connection", (socket: Socket) => {
    const second = 1000;
    const interval = Math.max(second, keepaliveMs / PROBES);
    socket.setKeepAlive(true, Math.max(second, keepaliveMs), interval, PROBES);
  });
}
