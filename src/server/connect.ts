import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import type { ConnectError, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { Failure } from "../domain/errors.ts";
import type { CallContext, Route, StreamRoute, UnaryRoute } from "./pipeline.ts";
import { toConnectError } from "./status.ts";

/** The routes as a Connect router takes them, whether it serves HTTP or a client in the same process. */
export const implementationOf = (routes: readonly Route[]): Partial<ServiceImpl<typeof BudgetService>> =>
  Object.fromEntries(routes.map((route) => [route.method.localName, implement(route)]));

const implement = (route: Route) => ("open" in route ? implementStream(route) : implementUnary(route));

const implementUnary =
  (route: UnaryRoute) =>
  async (request: Message, context: HandlerContext): Promise<object> => {
    try {
      return await route.call(request, sizeOf(request, route.method.input, context), contextOf(context));
    } catch (thrown) {
      throw connectErrorOf(thrown);
    }
  };

const implementStream = (route: StreamRoute) =>
  async function* (request: Message, context: HandlerContext): AsyncGenerator<object> {
    try {
      yield* route.open(request, sizeOf(request, route.method.input, context), contextOf(context));
    } catch (thrown) {
      throw connectErrorOf(thrown);
    }
  };

const connectErrorOf = (thrown: unknown): ConnectError =>
  toConnectError(thrown instanceof Failure ? thrown.error : { reason: "INTERNAL" });

const contextOf = (context: HandlerContext): CallContext => ({
  signal: context.signal,
  abandoned: () => {
    if (!context.signal.aborted) return undefined;
    return (context.timeoutMs() ?? 1) <= 0 ? "DEADLINE_EXCEEDED" : "CANCELLED";
  },
});

function sizeOf(request: Message, schema: DescMessage, context: HandlerContext): number {
  const length = context.requestHeader.get("content-length");
  const plain = length !== null && context.requestHeader.get("content-encoding") === null;
  return plain ? Number(length) : toBinary(schema, request).length;
}
