import cluster from "node:cluster";

/**
 * Replaces the program of a worker. PURSER_TEST_FATE says what it does: "serve"; with "half linger", a worker with an
 * even id ignores the order to stop; with "half fail", it does not start; any other text is why none of them starts.
 */
const fate = process.env["PURSER_TEST_FATE"] ?? "";
const isEven = (cluster.worker?.id ?? 0) % 2 === 0;
const serves = fate === "half fail" ? !isEven : fate === "serve" || fate === "half linger";
const lingers = fate === "half linger" && isEven;
const report = serves ? { kind: "serving", greeting: "Purser is ready" } : { kind: "failed", why: fate };
cluster.worker?.send(report, () => {
  if (!serves) process.exit(7);
});
cluster.worker?.on("message", (order) => {
  if (order === "stop" && !lingers) process.exit(0);
});
