import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { connect as connectTcp } from "node:net";
import { suite, test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { status } from "@grpc/grpc-js";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { endOf, openFrames } from "../support/grpc-frames.ts";
import { startSilentProxy } from "../support/silent-proxy.ts";
import { startTransports } from "../support/transports.ts";

const GET_BUDGET = "/budget.v1.BudgetService/GetBudget";
const MESSAGE = Buffer.from([0x0a, 1, 0x70, 0x12, 1, 0x75]);
const FRAME = Buffer.concat([Buffer.from([0, 0, 0, 0, MESSAGE.length]), MESSAGE]);

/** The head of a frame that promises this many bytes. */
const headOf = (bytes: number): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes, 1);
  return head;
};

/** A POST over a new connection, of which nothing is sent yet. */
function post(url: string, path: string, headers: Record<string, string | number> = {}): ClientRequest {
  const type = { "content-type": "application/json" };
  const asked = request(`${url}${path}`, { method: "POST", agent: false, headers: { ...type, ...headers } });
  asked.on("error", () => {});
  return asked;
}

async function answerOf(asked: ClientRequest): Promise<{ status: number | undefined; text: string }> {
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return { status: answer.statusCode, text: Buffer.concat((await answer.toArray()) as Buffer[]).toString() };
}

suite("A connection", { concurrency: true }, () => {
  test("whose peer has vanished silently is closed, and its calls in flight are cancelled", async () => {
    const watching = Promise.withResolvers<void>();
    const ended = { gRPC: Promise.withResolvers<void>(), Connect: Promise.withResolvers<void>() };
    let watchers = 0;
    await using transports = await startTransports({
      limits: { keepaliveMs: 250 },
      handlers: {
        async *watchBudget({ user }, { signal }) {
          yield {};
          if (++watchers === 2) watching.resolve();
          assert.ok(signal !== undefined);
          if (!signal.aborted) await once(signal, "abort");
          ended[user as keyof typeof ended].resolve();
        },
      },
    });
    await using grpc = await startSilentProxy(transports.grpcUrl);
    await using http = await startSilentProxy(transports.httpUrl);
    const clients = {
      gRPC: createClient(BudgetService, createGrpcTransport({ baseUrl: grpc.url })),
      Connect: createClient(BudgetService, createConnectTransport({ baseUrl: http.url, httpVersion: "1.1" })),
    };
    const stop = new AbortController();
    for (const [user, client] of Object.entries(clients)) {
      const answers = client.watchBudget({ project: "p", user }, { signal: stop.signal });
      const iterator = answers[Symbol.asyncIterator]();
      await iterator.next();
      iterator.next().catch(() => {});
    }
    await watching.promise;
    grpc.fallSilent();
    http.fallSilent();
    await Promise.all([ended.gRPC.promise, ended.Connect.promise]);
    stop.abort();
  });

  test("whose request does not arrive in time gets an error, and its place is free again", async () => {
    await using transports = await startTransports({
      limits: { requestReceiveMsMax: 300 },
      handlers: { getBudget: async () => ({}) },
    });
    using frames = openFrames(transports.grpcUrl);
    for (const begun of [Buffer.alloc(0), FRAME.subarray(0, 3), FRAME.subarray(0, 8), FRAME]) {
      const call = frames.begin(GET_BUDGET);
      if (begun.length > 0) call.write(begun);
      const { code, reason } = await endOf(call);
      assert.deepEqual([code, reason], [status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"]);
    }
    assert.equal((await frames.send(GET_BUDGET, FRAME)).code, status.OK);
    const half = post(transports.httpUrl, GET_BUDGET, { "content-length": 100 });
    half.write('{"project":');
    assert.equal((await answerOf(half)).status, 408);
    const silent = connectTcp(Number(new URL(transports.httpUrl).port), "127.0.0.1");
    silent.resume();
    await once(silent, "close");
  });

  test("is refused while the maximum is open, and accepted again after one has closed", async () => {
    await using transports = await startTransports({ limits: { connectionsMax: 2 }, handlers: {} });
    for (const url of [transports.grpcUrl, transports.httpUrl]) {
      const open = () => connectTcp(Number(new URL(url).port), "127.0.0.1");
      const two = [open(), open()];
      for (const socket of two) await once(socket, "connect");
      const third = open();
      third.on("error", () => {});
      third.resume();
      await once(third, "close");
      for (const socket of two) socket.destroy();
    }
  });
});

suite("Concurrent requests", () => {
  const MIB = 2 ** 20;

  test("use bounded memory over all transports, and a request beyond the bound gets a retry delay", async () => {
    await using transports = await startTransports({
      bytesInFlightMax: 8 * MIB,
      handlers: { getBudget: async () => ({}) },
      texts: { "/text": async () => "{}" },
    });
    const { httpUrl, grpcUrl } = transports;
    using frames = openFrames(grpcUrl);
    // Two requests that declare 3 MiB count as 3 MiB, though less has arrived. Two without a length count as what they take.
    const held = [
      post(httpUrl, GET_BUDGET, { "content-length": 3 * MIB - 5 }),
      post(httpUrl, "/text", { "transfer-encoding": "chunked" }),
      post(httpUrl, GET_BUDGET, { "transfer-encoding": "chunked" }),
    ];
    for (const each of held) each.write(Buffer.alloc(MIB / 4, 0x20));
    const call = frames.begin(GET_BUDGET);
    call.on("error", () => {});
    call.write(Buffer.concat([headOf(3 * MIB), Buffer.alloc(MIB / 4)]));

    const body = Buffer.alloc((3 * MIB) / 4, 0x20);
    const overloaded = async (): Promise<void> => {
      for (const path of [GET_BUDGET, "/text"]) {
        const next = post(httpUrl, path);
        next.end(body);
        const { status: http, text } = await answerOf(next);
        assert.equal(http, 503);
        assert.match(text, /requests of more than 8388608 bytes are in flight; retry in 1000 ms/);
        if (path === GET_BUDGET) assert.match(text, /"reason":"OVERLOADED"/);
      }
      const { code, reason, message } = await frames.send(
        GET_BUDGET,
        Buffer.concat([headOf(body.length), body]),
      );
      assert.deepEqual([code, reason], [status.UNAVAILABLE, "OVERLOADED"]);
      assert.match(message, /are in flight/);
    };
    const served = async (): Promise<void> => {
      const next = post(httpUrl, "/text");
      next.end(body);
      assert.equal((await answerOf(next)).status, 200);
    };
    await until(overloaded);
    // An eighth of the bound is left for small requests.
    assert.equal((await frames.send(GET_BUDGET, FRAME)).code, status.OK);
    call.close();
    for (const each of held) each.destroy();
    await until(served);
    assert.equal((await frames.send(GET_BUDGET, FRAME)).code, status.OK);
  });
});

/** More attempts than a busy machine needs. */
const ATTEMPTS_MAX = 5_000;

/** Retries until the server has read what was sent, and the condition holds. */
async function until(check: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await check();
    } catch (error) {
      if (attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

suite("A deadline", () => {
  test("that is no deadline is INVALID_ARGUMENT over gRPC", async () => {
    await using transports = await startTransports({ handlers: { getBudget: async () => ({}) } });
    using frames = openFrames(transports.grpcUrl);
    for (const timeout of ["25d", "garbage", "1", "-1S", "123456789S"]) {
      assert.equal(
        (await frames.send(GET_BUDGET, FRAME, { timeout })).code,
        status.INVALID_ARGUMENT,
        timeout,
      );
    }
    assert.equal((await frames.send(GET_BUDGET, FRAME)).code, status.OK);
  });

  test("of 25 days and more does not expire at once", async () => {
    await using transports = await startTransports({
      handlers: {
        getBudget: async (_request, { abandoned }) => {
          // A timer with an overflowing delay would have fired by now.
          await new Promise((resolve) => setTimeout(resolve, 20));
          assert.equal(abandoned(), undefined);
          return {};
        },
      },
    });
    using frames = openFrames(transports.grpcUrl);
    for (const timeout of ["600H", "99999999H", "35792M", "2160000S", "99999999S", "1H"]) {
      assert.equal((await frames.send(GET_BUDGET, FRAME, { timeout })).code, status.OK, timeout);
      const web = await fetch(`${transports.httpUrl}${GET_BUDGET}`, {
        method: "POST",
        headers: { "content-type": "application/grpc-web+proto", "grpc-timeout": timeout },
        body: new Uint8Array(FRAME),
      });
      assert.match(await web.text(), /grpc-status: 0/, timeout);
    }
    for (const timeout of ["2147483648", "2160000000", "9999999999"]) {
      const response = await fetch(`${transports.httpUrl}${GET_BUDGET}`, {
        method: "POST",
        headers: { "content-type": "application/json", "connect-timeout-ms": timeout },
        body: "{}",
      });
      assert.equal(response.status, 200, timeout);
    }
  });
});
