import pino from "pino";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { errorOf } from "../../src/domain/errors.ts";
import { createBytesInFlight } from "../../src/server/bytes-in-flight.ts";
import { serveGrpc } from "../../src/server/grpc.ts";
import type { Route } from "../../src/server/pipeline.ts";

/** Purser's gRPC server with handlers that return an empty message at once. It measures the cost of the stack alone. */
const routes = Object.values(BudgetService.method).flatMap((method): Route[] =>
  method.methodKind === "unary"
    ? [{ method, bytesMax: 4 << 20, call: () => Promise.resolve({}), fail: errorOf }]
    : [],
);
const listener = await serveGrpc({
  pipeline: { routes, texts: [], admit: async () => {} },
  bytesInFlight: createBytesInFlight(256 << 20),
  limits: { connectionsMax: 10_000, requestReceiveMsMax: 30_000, keepaliveMs: 20_000 },
  host: "127.0.0.1",
  port: 0,
  log: pino({ level: "silent" }),
});
process.stdout.write(`gRPC without work on 127.0.0.1:${listener.port}\n`);
process.once("SIGTERM", () => void listener.stop(0));
