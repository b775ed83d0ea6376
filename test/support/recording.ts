import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import type { DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { KeyService } from "../../gen/es/budget/v1/key_service_pb.ts";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";

/** What a call carried. */
export interface Recorded {
  method: string;
  authorization: string | null;
}

/** A server with an empty answer to every call, which records the calls. */
export interface Recording extends AsyncDisposable {
  readonly url: string;
  readonly calls: Recorded[];
  /** The next calls of a method fail with these errors, one after another. */
  fail(method: string, ...errors: ConnectError[]): void;
  /** Every call of a method fails with this error. */
  failAlways(method: string, error: ConnectError): void;
}

export async function startRecording(protocol: "connect" | "grpc"): Promise<Recording> {
  const calls: Recorded[] = [];
  const pending: Record<string, ConnectError[]> = {};
  const always: Record<string, ConnectError> = {};

  const record = ({ method, requestHeader }: HandlerContext): object => {
    calls.push({ method: method.name, authorization: requestHeader.get("authorization") });
    const error = pending[method.name]?.shift() ?? always[method.name];
    if (error !== undefined) throw error;
    return method.output.fields.some(({ name }) => name === "budget") ? { budget: {} } : {};
  };
  const implementationOf = (service: DescService): object =>
    Object.fromEntries(
      service.methods.map(({ localName, methodKind }) => [
        localName,
        methodKind === "unary"
          ? (_: unknown, context: HandlerContext) => record(context)
          : async function* (_: unknown, context: HandlerContext) {
              yield record(context);
            },
      ]),
    );
  const routes = (router: ConnectRouter): void => {
    for (const service of [BudgetService, KeyService]) router.service(service, implementationOf(service));
  };

  const handler = connectNodeAdapter({ routes });
  const server = protocol === "connect" ? createHttpServer(handler) : createHttp2Server(handler);
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session: { destroy(): void }) => sessions.add(session));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    fail: (method, ...errors) => void (pending[method] ??= []).push(...errors),
    failAlways: (method, error) => void (always[method] = error),
    async [Symbol.asyncDispose]() {
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      for (const session of sessions) session.destroy();
      await once(server, "close");
    },
  };
}

const CODES = {
  KEY_MISSING: Code.Unauthenticated,
  KEY_INVALID: Code.Unauthenticated,
  KEY_NOT_ALLOWED: Code.PermissionDenied,
  RATE_EXCEEDED: Code.ResourceExhausted,
} as const;

/** The error of a server that refuses a key, or a call above a limit of the key. */
export const refusedKey = (reason: keyof typeof CODES, retryMs?: number): ConnectError =>
  new ConnectError(`the reason is ${reason}`, CODES[reason], undefined, [
    { desc: ErrorInfoSchema, value: { domain: "budget.v1", reason } },
    ...(retryMs === undefined
      ? []
      : [
          {
            desc: RetryInfoSchema,
            value: {
              retryDelay: { seconds: BigInt(Math.floor(retryMs / 1000)), nanos: (retryMs % 1000) * 1e6 },
            },
          },
        ]),
  ]);
