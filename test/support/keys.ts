import { create, type DescMethod } from "@bufbuild/protobuf";
import { type Client, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { type Kysely, sql } from "kysely";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { KeyService } from "../../gen/es/budget/v1/key_service_pb.ts";
import { SERVICES } from "../../src/server/pipeline.ts";
import { DETAIL_TYPES } from "../../src/server/status.ts";
import type { Schema } from "../../src/store/schema.ts";
import type { Way } from "./api.ts";
import { told } from "./errors.ts";
import type { TestServer } from "./server.ts";

/** Calls with keys, over every transport, by the descriptor of the method. */

type Urls = Pick<TestServer, "grpcUrl" | "httpUrl">;

export function transportOf({ grpcUrl, httpUrl }: Urls, way: Way): Transport {
  const web = { baseUrl: httpUrl, httpVersion: "1.1", jsonOptions: { registry: DETAIL_TYPES } } as const;
  switch (way) {
    case "gRPC":
      return createGrpcTransport({ baseUrl: grpcUrl });
    case "Connect":
      return createConnectTransport({ ...web, useBinaryFormat: true });
    case "Connect JSON":
      return createConnectTransport({ ...web, useBinaryFormat: false });
    case "gRPC-Web":
      return createGrpcWebTransport(web);
    default: {
      const unreachable: never = way;
      return unreachable;
    }
  }
}

/** The methods of all services, by name. */
export const METHODS: ReadonlyMap<string, DescMethod> = new Map(
  SERVICES.flatMap((service) => Object.values<DescMethod>(service.method)).map((each) => [each.name, each]),
);

/** The header that a caller sends with a key. Undefined: the caller sends none. */
export const headerOf = (secret: string | undefined): Record<string, string> =>
  secret === undefined ? {} : { authorization: `Bearer ${secret}` };

/** Calls a method. The answer of a stream is its first message. */
export async function callMethod(
  transport: Transport,
  name: string,
  request: object,
  headers: Record<string, string>,
): Promise<object> {
  const method = METHODS.get(name);
  if (method === undefined) throw new Error(`there is no method ${name}`);
  if (method.methodKind === "unary") {
    const { message }: { message: object } = await transport.unary(
      method as never,
      undefined,
      undefined,
      headers,
      request as never,
    );
    return message;
  }
  const stop = new AbortController();
  const input = create(method.input, request as never);
  const stream = await transport.stream(
    method as never,
    stop.signal,
    undefined,
    headers,
    once(input) as never,
  );
  try {
    for await (const message of stream.message as AsyncIterable<object>) return message;
    throw new Error("the stream ended without an answer");
  } finally {
    stop.abort();
  }
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/** "ok", or the reason of the error that a call ends with. */
export const outcomeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "ok",
    (error: unknown) => {
      if (!(error instanceof ConnectError)) throw error;
      return told(error).reason ?? error.message;
    },
  );

type KeyClient = Client<typeof KeyService>;
type BudgetClient = Client<typeof BudgetService>;

/** The clients of a caller that sends a key with every call. Undefined: it sends none. */
export function clientsWith(
  server: Urls,
  secret: string | undefined,
  way: Way = "gRPC",
): { keys: KeyClient; budgets: BudgetClient } {
  const transport = withHeaders(transportOf(server, way), headerOf(secret));
  return { keys: createClient(KeyService, transport), budgets: createClient(BudgetService, transport) };
}

const withHeaders = (transport: Transport, headers: Record<string, string>): Transport => ({
  unary: (method, signal, timeoutMs, _, input, values) =>
    transport.unary(method, signal, timeoutMs, headers, input, values),
  stream: (method, signal, timeoutMs, _, input, values) =>
    transport.stream(method, signal, timeoutMs, headers, input, values),
});

/** All rows of all tables. Left out is when keys were last used, which every call may change. */
export async function dumpOf(kysely: Kysely<Schema>): Promise<Record<string, string[]>> {
  const tables = await sql<{ name: string }>`
    select table_name::text as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`.execute(kysely);
  const dump: Record<string, string[]> = {};
  for (const { name } of tables.rows) {
    const { rows } = await sql<{ row: string }>`
      select (to_jsonb(t) - 'used_at')::text as row from ${sql.table(name)} t order by 1`.execute(kysely);
    dump[name] = rows.map(({ row }) => row);
  }
  return dump;
}
