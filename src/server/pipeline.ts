import type {
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { type BudgetError, describe, Failure } from "../domain/errors.ts";
import type { Abandoned } from "../engine/commit/engine.ts";

/** What a handler may know of the call, whichever way it came in. */
export interface CallContext {
  /** Asked before work that changes anything: has the caller gone? */
  abandoned: Abandoned;
  /** Aborted when the caller goes: for work that can be stopped in the middle. */
  signal: AbortSignal | undefined;
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

type Handler<Result> = (request: unknown, context: CallContext) => Result;

/** A method with its handler, free of their types: for transports, which serve all methods alike. */
export type Route = UnaryRoute | StreamRoute;

export interface UnaryRoute {
  method: DescMethodUnary;
  /** Never throws anything but Failure. */
  call(request: unknown, bytes: number, context: CallContext): Promise<object>;
}

export interface StreamRoute {
  method: DescMethodServerStreaming;
  /** Never throws anything but Failure. */
  open(request: unknown, bytes: number, context: CallContext): AsyncIterable<object>;
}

/**
 * The way of every call, through whichever transport it came: size, handler (which checks fields first), errors. What a
 * handler throws that is no Failure is a defect: it is logged whole, and the caller is told INTERNAL and no more.
 *
 * @param options.stopping Aborted when the server stops: streams end then, and their callers go elsewhere.
 */
export function createPipeline(options: {
  handlers: Handlers;
  requestBytesMax: number;
  stopping: AbortSignal;
  log: Logger;
}): Route[] {
  const check = (bytes: number, context: CallContext): void => {
    const gone = context.abandoned();
    if (gone !== undefined) throw new Failure({ reason: gone });
    if (bytes > options.requestBytesMax) throw tooLarge(bytes, options.requestBytesMax);
  };
  const handlerOf = (method: DescMethod): Handler<never> =>
    options.handlers[method.localName as keyof Handlers] as unknown as Handler<never>;
  const unary = (method: DescMethodUnary): UnaryRoute => {
    const handle: Handler<Promise<object>> = handlerOf(method);
    return {
      method,
      async call(request, bytes, context) {
        try {
          check(bytes, context);
          return await handle(request, context);
        } catch (thrown) {
          throw failureOf(thrown, method.name, options.log);
        }
      },
    };
  };
  const stream = (method: DescMethodServerStreaming): StreamRoute => {
    const handle: Handler<AsyncIterable<object>> = handlerOf(method);
    return {
      method,
      async *open(request, bytes, context) {
        const { stopping } = options;
        const signal = context.signal ? AbortSignal.any([context.signal, stopping]) : stopping;
        try {
          check(bytes, context);
          yield* handle(request, { ...context, signal });
        } catch (thrown) {
          throw failureOf(thrown, method.name, options.log);
        }
      },
    };
  };
  return Object.values(BudgetService.method).map((method) =>
    method.methodKind === "unary" ? unary(method) : stream(method),
  );
}

const tooLarge = (bytes: number, bytesMax: number): Failure =>
  new Failure({
    reason: "INVALID_FIELD",
    field: "request",
    description: `is ${bytes} bytes, more than the ${bytesMax} allowed`,
  });

function failureOf(thrown: unknown, method: string, log: Logger): Failure {
  if (thrown instanceof Failure) {
    if (isOurs(thrown.error)) log.warn({ method, err: thrown.cause ?? thrown }, describe(thrown.error));
    return thrown;
  }
  log.error({ method, err: thrown }, "a handler failed");
  return new Failure({ reason: "INTERNAL" }, { cause: thrown });
}

/** Failures that an operator wants to know of; the others are the caller's. An outage of the store has its own two lines. */
const isOurs = (error: BudgetError): boolean => error.reason === "OVERLOADED" || error.reason === "INTERNAL";
