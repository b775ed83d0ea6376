import type {
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { KeyService } from "../../gen/es/budget/v1/key_service_pb.ts";
import { type BudgetError, describe, errorOf, Failure, invalidField } from "../domain/errors.ts";
import type { Abandoned } from "../engine/commit/submitted.ts";
import type { Caller } from "./caller.ts";
import { createFairTurns, projectOf } from "./fair-turns.ts";
import { createGate, type Gate } from "./gate.ts";
import { watchAdmission } from "./keys/admission-watch.ts";
import type { Admission, Credentials } from "./keys/credentials.ts";
import type { Names, Permissions } from "./permissions.ts";

/**
 * A request in the form that all transports produce: gRPC, Connect, gRPC-Web, the legacy routes and a client in this
 * process.
 */
export interface Arrival {
  /** The size of the decompressed message in bytes. */
  readonly bytes: number;
  /** True if the request was made in this process, without a port. */
  readonly isLocal: boolean;
  /** The network address of the caller. Empty if the request was made in this process. */
  readonly address: string;
  /** A header of the request. The case of the name does not matter. */
  header(name: string): string | undefined;
  /** The URI names of the client's certificate. Undefined: the client has not shown one that TLS_CLIENT_CA_FILE trusts. */
  certificate(): readonly string[] | undefined;
  /**
   * Called before work that changes data, to find out whether the caller has disconnected or its deadline has passed.
   */
  readonly abandoned: Abandoned;
  /** Aborted when the caller disconnects. It is for work that can be interrupted. */
  readonly signal: AbortSignal | undefined;
}

/** What is known of a request before its message. */
export type Head = Pick<Arrival, "isLocal" | "address" | "header" | "certificate">;

/** The part of a call that handlers see, independent of its transport. */
export interface CallContext {
  readonly caller: Caller;
  /**
   * Does the work of one request that is inside of another, if the caller may make it. The pipeline does so for every other
   * request. @throws Failure
   */
  permitted<Request extends Names, Answer extends object>(
    method: string,
    request: Request,
    work: (request: Request) => Promise<Answer>,
  ): Promise<Answer>;
  /** As in Arrival. */
  header(name: string): string | undefined;
  readonly abandoned: Abandoned;
  readonly signal: AbortSignal | undefined;
}

/** The result of a handler: one response, or a stream of responses. */
type Answer<Method extends DescMethod> = Method extends { methodKind: "server_streaming" }
  ? AsyncIterable<MessageInitShape<Method["output"]>>
  : Promise<MessageInitShape<Method["output"]>>;

/** One handler for each method of a service. Handlers throw Failure. */
type HandlersOf<Methods extends Record<string, DescMethod>> = {
  [Name in keyof Methods]: (
    request: MessageShape<Methods[Name]["input"]>,
    context: CallContext,
  ) => Answer<Methods[Name]>;
};

export type Handlers = HandlersOf<typeof BudgetService.method>;
export type KeyHandlers = HandlersOf<typeof KeyService.method>;

/** The services, in the order in which they are served. */
export const SERVICES = [BudgetService, KeyService] as const;

/** Handles a route with JSON text as request and response. Both functions throw Failure. */
export interface TextHandler<Request extends Names = Names> {
  parse(body: string): Request;
  handle(request: Request, context: CallContext): Promise<string>;
}

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
  /**
   * Checks the caller of a request whose message has not arrived. Otherwise, callers without a key could make the server hold
   * large messages. The call checks it again.
   *
   * @throws KEY_MISSING, KEY_INVALID, RATE_EXCEEDED, STORE_UNAVAILABLE
   */
  readonly admit: (head: Head) => Promise<void>;
  readonly routes: readonly Route[];
  readonly texts: readonly TextRoute[];
}

/**
 * Creates the steps of every call on every transport: size, caller, permission, handler (which checks the fields first), errors,
 * log.
 *
 * @param options.stopping Aborted when the server stops. Streams then end, so that their callers connect to another
 * server.
 */
export function createPipeline(options: {
  handlers: Handlers & KeyHandlers;
  credentials: Credentials;
  permissions: Permissions;
  requestBytesMax: number;
  texts?: Readonly<Record<string, TextHandler>>;
  textBytesMax?: number;
  stopping: AbortSignal;
  log: Logger;
}): Pipeline {
  const {
    handlers,
    credentials,
    requestBytesMax,
    texts = {},
    textBytesMax = requestBytesMax,
    stopping,
    log,
  } = options;
  const gate = createGate(options.permissions);
  const turns = createFairTurns();

  /** The checks of every call before its request is looked at. @throws Failure */
  const enter = (arrival: Arrival, bytesMax: number): Admission | Promise<Admission> => {
    const gone = arrival.abandoned();
    if (gone !== undefined) throw new Failure({ reason: gone });
    checkSize(arrival.bytes, bytesMax);
    return credentials.admit(arrival);
  };

  const unary = (method: DescMethodUnary, handle: Handler<Promise<object>>): UnaryRoute => ({
    method,
    bytesMax: requestBytesMax,
    fail: (thrown) => fail(thrown, method.name, log),
    async call(request, arrival) {
      const { caller, limits } = await enter(arrival, requestBytesMax);
      using _call = limits.begin();
      const context = contextOf(arrival, caller, gate);
      // Awaited here, because the call counts until it ends.
      return await gate.permitted(caller, method.name, request as Names, (permitted) =>
        turns.run(projectOf(permitted), () => handle(permitted as never, context)),
      );
    },
  });
  const stream = (
    method: DescMethodServerStreaming,
    handle: Handler<AsyncIterable<object>>,
  ): StreamRoute => ({
    method,
    bytesMax: requestBytesMax,
    fail: (thrown) => fail(thrown, method.name, log),
    async *open(request, arrival) {
      const { caller, limits } = await enter(arrival, requestBytesMax);
      using _call = limits.begin();
      using expiry = watchAdmission(() => credentials.admit(arrival));
      const signals = [stopping, expiry.signal, arrival.signal].filter((signal) => signal !== undefined);
      const context = { ...contextOf(arrival, caller, gate), signal: AbortSignal.any(signals) };
      yield* gate.permittedStream(caller, method.name, request as Names, (permitted) =>
        handle(permitted as never, context),
      );
      if (expiry.failure !== undefined) throw expiry.failure;
    },
  });
  return {
    admit: async (head) => void (await credentials.admit(head)),
    routes: SERVICES.flatMap((service) =>
      Object.values<DescMethodUnary | DescMethodServerStreaming>(service.method).map((method) => {
        const handle = handlers[method.localName as keyof typeof handlers] as unknown as Handler<never>;
        return method.methodKind === "unary" ? unary(method, handle) : stream(method, handle);
      }),
    ),
    texts: Object.entries(texts).map(([path, handler]) => ({
      path,
      bytesMax: textBytesMax,
      fail: (thrown) => fail(thrown, path, log),
      async call(body, arrival) {
        const { caller, limits } = await enter(arrival, textBytesMax);
        using _call = limits.begin();
        const context = contextOf(arrival, caller, gate);
        const { text } = await gate.permitted(caller, path, handler.parse(body), async (request) => ({
          text: await handler.handle(request, context),
        }));
        return text;
      },
    })),
  };
}

type Handler<Result> = (request: never, context: CallContext) => Result;

const contextOf = (arrival: Arrival, caller: Caller, gate: Gate): CallContext => ({
  caller,
  permitted: (method, request, work) => gate.permitted(caller, method, request, work),
  header: (name) => arrival.header(name),
  abandoned: arrival.abandoned,
  // A getter, because some transports create the signal on first use.
  get signal() {
    return arrival.signal;
  },
});

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
