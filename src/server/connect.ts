import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { createContextKey, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import type { Arrival, Route, StreamRoute, UnaryRoute } from "./pipeline.ts";
import { toConnectError } from "./status.ts";

/** The state of a call over HTTP. A call from a client in this process has none. */
export interface HttpCall {
  /** The size of the decompressed message in bytes. */
  readonly bytes: number;
  /** How long a stream lasts, in milliseconds. */
  readonly streamMs: number;
  /** Whether Connect decoded the message and called the handler. */
  isReached: boolean;
}

export const HTTP_CALL = createContextKey<HttpCall | undefined>(undefined);

/** Converts the routes to the implementation that a Connect router takes, for HTTP and for clients in this process. */
export const implementationOf = (routes: readonly Route[]): Partial<ServiceImpl<typeof BudgetService>> =>
  Object.fromEntries(routes.map((route) => [route.method.localName, implement(route)]));

const implement = (route: Route) => ("open" in route ? implementStream(route) : implementUnary(route));

const implementUnary =
  (route: UnaryRoute) =>
  async (request: Message, context: HandlerContext): Promise<object> => {
    try {
      return await route.call(request, arrivalOf(request, route.method.input, context));
    } catch (thrown) {
      throw toConnectError(route.fail(thrown));
    }
  };

const implementStream = (route: StreamRoute) =>
  async function* (request: Message, context: HandlerContext): AsyncGenerator<object> {
    try {
      yield* route.open(request, arrivalOf(request, route.method.input, context, true));
    } catch (thrown) {
      throw toConnectError(route.fail(thrown));
    }
  };

function arrivalOf(
  request: Message,
  schema: DescMessage,
  context: HandlerContext,
  isStream = false,
): Arrival {
  const { signal, requestHeader, values, timeoutMs } = context;
  const call = values.get(HTTP_CALL);
  if (call !== undefined) call.isReached = true;
  return {
    bytes: call?.bytes ?? toBinary(schema, request).length,
    isLocal: call === undefined,
    header: (name) => requestHeader.get(name) ?? undefined,
    abandoned: () => {
      if (!signal.aborted) return undefined;
      return (timeoutMs() ?? 1) <= 0 ? "DEADLINE_EXCEEDED" : "CANCELLED";
    },
    signal: isStream && call ? AbortSignal.any([signal, AbortSignal.timeout(call.streamMs)]) : signal,
  };
}
