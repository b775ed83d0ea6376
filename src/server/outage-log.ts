import type { Logger } from "pino";
import type { OutageListener } from "../store/outage-watch.ts";

/**
 * Logs an outage of the store as two lines, one at its beginning and one at its end, however many statements fail
 * during it.
 */
export const outageLog = (log: Pick<Logger, "warn" | "info">): Required<OutageListener> => ({
  onOutage: (error) => log.warn({ err: error }, "the store fails; trying again"),
  onRecovery: (outage) => log.info(outage, "the store works again"),
});
