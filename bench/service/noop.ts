import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { serveGrpc } from "../../src/server/grpc.ts";
import type { Route } from "../../src/server/pipeline.ts";

/** Purser's gRPC server with handlers that return an empty message at once. It measures the cost of the stack alone. */
const routes = Object.values(BudgetService.method).flatMap((method): Route[] =>
  method.methodKind === "unary" ? [{ method, call: () => Promise.resolve({}) }] : [],
);
const listener = await serveGrpc({ routes, host: "127.0.0.1", port: 0, requestBytesMax: 4 << 20 });
process.stdout.write(`gRPC without work on 127.0.0.1:${listener.port}\n`);
process.once("SIGTERM", () => void listener.stop(0));
