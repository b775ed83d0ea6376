import type {
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { type BudgetError, describe, errorOf, Failure, invalidField } from "../domain/errors.ts";
import type { Abandoned } from "../engine/commit/submitted.ts";
import { ANONYMOUS_CALLER, type Caller, LOCAL_CALLER } from "./caller.ts";

/**
 * A request in the form that all transports produce: gRPC, Connect, gRPC-Web, the legacy routes and a client in this
 * process.
 */
export interface Arrival {
  /** The size of the decompressed message in bytes. */
  readonly bytes: number;
  /** True if the request was made in this process, without a port. */
  readonly isLocal: boolean;
  /** A header of the request. The case of the name does not matter. */
  header(name: string): string | undefined;
  /**
   * Called before work that changes data, to find out whether the caller has disconnected or its deadline has passed.
   */
  readonly abandoned: Abandoned;
  /** Aborted when the caller disconnects. It is for work that can be interrupted. */
  readonly signal: AbortSignal | undefined;
}

/** The part of a call that handlers see, independent of its transport. */
export interface CallContext {
  readonly caller: Caller;
  /** As in Arrival. */
  header(name: string): string | undefined;
  readonly abandoned: Abandoned;
  readonly signal: AbortSignal | undefined;
}

type Methods = typeof BudgetService.method;

/** The result of a handler: one response, or a stream of responses. */
type Answer<Method extends DescMethod> = Method extends { methodKind: "server_streaming" }
  ? AsyncIterable<MessageInitShape<Method["output"]>>
  : Promise<MessageInitShape<Method["output"]>>;

/** One handler for each method of the service. Handlers throw Failure. */
export type Handlers = {
  [Name in keyof Methods]: (
    request: MessageShape<Methods[Name]["input"]>,
    context: CallContext,
  ) => Answer<Methods[Name]>;
};

/** Handles a route with JSON text as request and response. Throws Failure. */
export type TextHandler = (body: string, context: CallContext) => Promise<string>;

interface CommonRoute {
  /** The largest message of the route in bytes. */
  readonly bytesMax: number;
  /**
   * Converts anything thrown while the call was read, processed or answered into the error for the caller. It also logs
   * errors that concern the operator. Transports call it once for each failed call.
   */
  fail(thrown: unknown): BudgetError;
}

/** A method with its handler, without their message types, since transports serve all methods alike. */
export type Route = UnaryRoute | StreamRoute;

export interface UnaryRoute extends CommonRoute {
  method: DescMethodUnary;
  call(request: unknown, arrival: Arrival): Promise<object>;
}

export interface StreamRoute extends CommonRoute {
  method: DescMethodServerStreaming;
  open(request: unknown, arrival: Arrival): AsyncIterable<object>;
}

export interface TextRoute extends CommonRoute {
  path: string;
  call(body: string, arrival: Arrival): Promise<string>;
}

export interface Pipeline {
  readonly routes: readonly Route[];
  readonly texts: readonly TextRoute[];
}

/**
 * Creates the steps of every call on every transport: size check, caller, handler (which checks fields first), errors,
 * log.
 *
 * @param options.stopping Aborted when the server stops. Streams then end, so that their callers connect to another
 * server.
 */
export function createPipeline(options: {
  handlers: Handlers;
  requestBytesMax: number;
  texts?: Readonly<Record<string, TextHandler>>;
  textBytesMax?: number;
  stopping: AbortSignal;
  log: Logger;
}): Pipeline {
  const { handlers, requestBytesMax, texts = {}, textBytesMax = requestBytesMax, stopping, log } = options;
  const unary = (method: DescMethodUnary, handle: Handler<Promise<object>>): UnaryRoute => ({
    method,
    bytesMax: requestBytesMax,
    fail: (thrown) => fail(thrown, method.name, log),
    call: async (request, arrival) => handle(request as never, enter(arrival, requestBytesMax)),
  });
  const stream = (
    method: DescMethodServerStreaming,
    handle: Handler<AsyncIterable<object>>,
  ): StreamRoute => ({
    method,
    bytesMax: requestBytesMax,
    fail: (thrown) => fail(thrown, method.name, log),
    async *open(request, arrival) {
      const context = enter(arrival, requestBytesMax);
      const signal = arrival.signal ? AbortSignal.any([arrival.signal, stopping]) : stopping;
      yield* handle(request as never, { ...context, signal });
    },
  });
  return {
    routes: Object.values(BudgetService.method).map((method) => {
      const handle = handlers[method.localName as keyof Handlers] as unknown as Handler<never>;
      return method.methodKind === "unary" ? unary(method, handle) : stream(method, handle);
    }),
    texts: Object.entries(texts).map(([path, handle]) => ({
      path,
      bytesMax: textBytesMax,
      fail: (thrown) => fail(thrown, path, log),
      call: async (body, arrival) => handle(body, enter(arrival, textBytesMax)),
    })),
  };
}

type Handler<Result> = (request: never, context: CallContext) => Result;

/** The checks of every call before its handler. @throws Failure */
function enter(arrival: Arrival, bytesMax: number): CallContext {
  const gone = arrival.abandoned();
  if (gone !== undefined) throw new Failure({ reason: gone });
  checkSize(arrival.bytes, bytesMax);
  return {
    caller: arrival.isLocal ? LOCAL_CALLER : ANONYMOUS_CALLER,
    header: (name) => arrival.header(name),
    abandoned: arrival.abandoned,
    // A getter, because some transports create the signal on first use.
    get signal() {
      return arrival.signal;
    },
  };
}

/** @throws INVALID_FIELD */
export function checkSize(bytes: number, bytesMax: number): void {
  if (bytes > bytesMax) throw invalidField("request", `is ${bytes} bytes, more than the ${bytesMax} allowed`);
}

function fail(thrown: unknown, method: string, log: Logger): BudgetError {
  const error = errorOf(thrown);
  if (!(thrown instanceof Failure)) log.error({ method, err: thrown }, "a call failed");
  else if (isForOperator(error)) log.warn({ method, err: thrown.cause ?? thrown }, describe(error));
  return error;
}

/**
 * Whether an error concerns the operator; other errors concern only the caller. An outage of the store is logged by
 * outageLog.
 */
const isForOperator = (error: BudgetError): boolean =>
  error.reason === "OVERLOADED" || error.reason === "INTERNAL";
