import type { Server, Socket } from "node:net";
import type { Logger } from "pino";

/** A listening transport. */
export interface Listener {
  port: number;
  /** Refuses new calls, finishes those begun, and gives up on them after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** What a port gives to all that connect to it. */
export interface Limits {
  connectionsMax: number;
  /** How long a request may take to arrive. */
  requestReceiveMsMax: number;
  /** How long a connection may be silent before it is probed, and how long it may take to answer. */
  keepaliveMs: number;
}

const PROBES = 5;
const LOG_PAUSE_MS = 10_000;

/**
 * Bounds the connections of a port, and has the system probe those that are silent: a peer that was switched off, or whose
 * network has gone, never says goodbye.
 */
export function boundConnections(server: Server, limits: Limits, log: Logger): void {
  const { connectionsMax, keepaliveMs } = limits;
  server.maxConnections = connectionsMax;
  // A flood of connections must not become a flood of lines.
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
