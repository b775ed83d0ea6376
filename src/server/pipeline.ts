import type { DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { type BudgetError, describe, Failure } from "../domain/errors.ts";
import type { Abandoned } from "../engine/commit.ts";

/** What a handler may know of the call, whichever way it came in. */
export interface CallContext {
  /** Asked before work that changes anything: has the caller gone? */
  abandoned: Abandoned;
  /** Aborted when the caller goes: for work that can be stopped in the middle. */
  signal: AbortSignal | undefined;
}

type Methods = typeof BudgetService.method;

/** One function a method of the service, from request to response. They throw Failure. */
export type Handlers = {
  [Name in keyof Methods]: (
    request: MessageShape<Methods[Name]["input"]>,
    context: CallContext,
  ) => Promise<MessageInitShape<Methods[Name]["output"]>>;
};

/** A method with its handler, free of their types: for transports, which serve all methods alike. */
export interface Route {
  method: DescMethodUnary;
  /** Never throws anything but Failure. */
  call(request: unknown, bytes: number, context: CallContext): Promise<object>;
}

/**
 * The way of every call, through whichever transport it came: size, handler (which checks fields first), errors. What a
 * handler throws that is no Failure is a defect: it is logged whole, and the caller is told INTERNAL and no more.
 */
export function createPipeline(options: {
  handlers: Handlers;
  requestBytesMax: number;
  log: Logger;
}): Route[] {
  return BudgetService.methods.map((method) => {
    const handle = options.handlers[method.localName as keyof Handlers] as (
      request: unknown,
      context: CallContext,
    ) => Promise<object>;
    return {
      method: method as DescMethodUnary,
      async call(request, bytes, context) {
        try {
          const gone = context.abandoned();
          if (gone !== undefined) throw new Failure({ reason: gone });
          if (bytes > options.requestBytesMax) throw tooLarge(bytes, options.requestBytesMax);
          return await handle(request, context);
        } catch (thrown) {
          throw failureOf(thrown, method.name, options.log);
        }
      },
    };
  });
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

/** Failures that an operator wants to know of; the others are the caller's. */
const isOurs = (error: BudgetError): boolean =>
  error.reason === "STORE_UNAVAILABLE" || error.reason === "OVERLOADED" || error.reason === "INTERNAL";
