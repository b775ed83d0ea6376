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
import type { Abandoned } from "../engine/commit/engine.ts";
import { type Caller, callerOf } from "./caller.ts";

/** A request as its transport gives it: the same for gRPC, Connect, gRPC-Web, the legacy routes and a client in this process. */
export interface Arrival {
  /** The size of the message, decompressed. */
  readonly bytes: number;
  /** Made in this process, without a port. */
  readonly isLocal: boolean;
  /** A header of the request, whatever the case of its name. */
  header(name: string): string | undefined;
  /** Asked before work that changes anything: has the caller gone? */
  readonly abandoned: Abandoned;
  /** Aborted when the caller goes: for work that can be stopped in the middle. */
  readonly signal: AbortSignal | undefined;
}

/** What a handler may know of the call, whichever way it came in. */
export interface CallContext {
  readonly caller: Caller;
  /** See Arrival. */
  header(name: string): string | undefined;
  readonly abandoned: Abandoned;
  readonly signal: AbortSignal | undefined;
}

type Methods = typeof BudgetService.method;

/** What a handler gives: one answer, or answers one after another. */
type Answer<Method extends DescMethod> = Method extends { methodKind: "server_streaming" }
  ? AsyncIterable<MessageInitShape<Method["output"]>>
  : Promise<MessageInitShape<Method["output"]>>;

/** One function a method of the service, from request to response. They throw Failure. */
export type Handlers = {
  [Name in keyof Methods]: (
    request: MessageShape<Methods[Name]["input"]>,
    context: CallContext,
  ) => Answer<Methods[Name]>;
};

/** Handles a route that takes and gives JSON text, by its path. Throws Failure. */
export type TextHandler = (body: string, context: CallContext) => Promise<string>;

interface Way {
  /** The largest message that it takes. */
  readonly bytesMax: number;
  /**
   * What the caller is told about anything that was thrown while the call was read, made or answered. Logs it where an operator
   * wants to know; a transport asks once for each call.
   */
  fail(thrown: unknown): BudgetError;
}

/** A method with its handler, free of their types: for transports, which serve all methods alike. */
export type Route = UnaryRoute | StreamRoute;

export interface UnaryRoute extends Way {
  method: DescMethodUnary;
  call(request: unknown, arrival: Arrival): Promise<object>;
}

export interface StreamRoute extends Way {
  method: DescMethodServerStreaming;
  open(request: unknown, arrival: Arrival): AsyncIterable<object>;
}

export interface TextRoute extends Way {
  path: string;
  call(body: string, arrival: Arrival): Promise<string>;
}

export interface Pipeline {
  readonly routes: readonly Route[];
  readonly texts: readonly TextRoute[];
}

/**
 * The way of every call, through whichever transport it came: size, caller, handler (which checks fields first), error, log.
 *
 * @param options.stopping Aborted when the server stops: streams end then, and their callers go elsewhere.
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

/** What every call passes before its handler. @throws Failure */
function enter(arrival: Arrival, bytesMax: number): CallContext {
  const gone = arrival.abandoned();
  if (gone !== undefined) throw new Failure({ reason: gone });
  checkSize(arrival.bytes, bytesMax);
  return {
    caller: callerOf(arrival),
    header: (name) => arrival.header(name),
    abandoned: arrival.abandoned,
    // Some transports make it only when it is asked for.
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
  else if (isOurs(error)) log.warn({ method, err: thrown.cause ?? thrown }, describe(error));
  return error;
}

/** Failures that an operator wants to know of; the others are the caller's. An outage of the store has its own two lines. */
const isOurs = (error: BudgetError): boolean => error.reason === "OVERLOADED" || error.reason === "INTERNAL";
