import type { Socket } from "node:net";
import { type DescMessage, type DescService, type Message, toBinary } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createContextKey,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import { certificateNames } from "./certificate.ts";
import type { Arrival, Route, StreamRoute, UnaryRoute } from "./pipeline.ts";
import { toConnectError } from "./status.ts";

/** The state of a call over HTTP. A call from a client in this process has none. */
export interface HttpCall {
  /** The size of the decompressed message in bytes. */
  readonly bytes: number;
  /** The network address of the caller. */
  readonly address: string;
  readonly socket: Socket;
  /** How long a stream lasts, in milliseconds. */
  readonly streamMs: number;
  /** Whether Connect decoded the message and called the handler. */
  isReached: boolean;
}

export const HTTP_CALL = createContextKey<HttpCall | undefined>(undefined);

/** Adds the routes to a Connect router, for HTTP and for clients in this process. */
export function implement(router: ConnectRouter, routes: readonly Route[]): void {
  for (const [service, each] of Map.groupBy(routes, ({ method }) => method.parent)) {
    const methods = each.map((route) => [
      route.method.localName,
      "open" in route ? implementStream(route) : implementUnary(route),
    ]);
    router.service(service, Object.fromEntries(methods) as Partial<ServiceImpl<DescService>>);
  }
}

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
    address: call?.address ?? "",
    header: (name) => requestHeader.get(name) ?? undefined,
    certificate: () => certificateNames(call?.socket),
    abandoned: () => {
      if (!signal.aborted) return undefined;
      return (timeoutMs() ?? 1) <= 0 ? "DEADLINE_EXCEEDED" : "CANCELLED";
    },
    signal: isStream && call ? AbortSignal.any([signal, AbortSignal.timeout(call.streamMs)]) : signal,
  };
}
