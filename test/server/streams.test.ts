import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { suite, test } from "node:test";
import { openFrames } from "../support/grpc-frames.ts";
import { startTransports } from "../support/transports.ts";

const WATCH = "/budget.v1.BudgetService/WatchBudget";

/** The head of a frame that promises this many bytes. */
const headOf = (bytes: number): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes, 1);
  return head;
};

suite("A stream to a slow reader", () => {
  test("leaves no listeners behind, whether the reader reads the rest or leaves", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    const ended = Promise.withResolvers<void>();
    const long = "x".repeat(2000);
    // grpc-js buffers 16 answers before it makes the writer wait.
    const ANSWERS = 400;
    await using transports = await startTransports({
      handlers: {
        async *watchBudget({ user }) {
          try {
            for (let answer = 0; user === "endless" || answer < ANSWERS; answer++) {
              yield { budget: { project: long } };
            }
          } finally {
            if (user === "endless") ended.resolve();
          }
        },
      },
    });
    for (const client of Object.values(transports.clients)) {
      let answers = 0;
      for await (const _answer of client.watchBudget({ user: "u" })) {
        answers++;
        await new Promise(setImmediate);
      }
      assert.equal(answers, ANSWERS);
    }
    using frames = openFrames(transports.grpcUrl);
    const endless = Buffer.from("endless");
    const message = Buffer.concat([Buffer.from([0x12, endless.length]), endless]);
    const stream = frames.begin(WATCH);
    stream.on("error", () => {});
    stream.end(Buffer.concat([headOf(message.length), message]));
    await once(stream, "response");
    stream.destroy();
    await ended.promise;
    process.off("warning", onWarning);
    assert.deepEqual(warnings, []);
  });

  test("makes its writer wait, and then gets the rest", async () => {
    const ANSWERS = 400;
    // All answers are more than the buffers between the two ends hold.
    const long = "x".repeat(100_000);
    const writers = { gRPC: 0, HTTP: 0 };
    const begun = { gRPC: Promise.withResolvers<void>(), HTTP: Promise.withResolvers<void>() };
    await using transports = await startTransports({
      handlers: {
        getBudget: async () => ({}),
        async *watchBudget({ user }) {
          const way = user as keyof typeof writers;
          begun[way].resolve();
          while (writers[way] < ANSWERS) {
            writers[way]++;
            yield { budget: { project: long } };
          }
        },
      },
    });
    using frames = openFrames(transports.grpcUrl);
    const grpc = frames.begin(WATCH);
    const user = Buffer.from([0x12, 4, ...Buffer.from("gRPC")]);
    grpc.end(Buffer.concat([headOf(user.length), user]));
    const asked = request(`${transports.httpUrl}${WATCH}`, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/connect+json" },
    });
    const json = Buffer.from('{"user":"HTTP"}');
    asked.end(Buffer.concat([headOf(json.length), json]));
    const [http] = (await once(asked, "response")) as [IncomingMessage];
    await Promise.all([begun.gRPC.promise, begun.HTTP.promise]);
    // A writer that does not wait has written everything in one turn of the event loop.
    const { gRPC, Connect } = transports.clients;
    for (let call = 0; call < 50; call++) await Promise.all([gRPC?.getBudget({}), Connect?.getBudget({})]);
    for (const [way, written] of Object.entries(writers)) assert.ok(written < ANSWERS, `${way}: ${written}`);
    for (const stream of [grpc, http]) {
      let bytes = 0;
      for await (const chunk of stream as AsyncIterable<Buffer>) bytes += chunk.length;
      assert.ok(bytes > ANSWERS * long.length);
    }
    assert.deepEqual(writers, { gRPC: ANSWERS, HTTP: ANSWERS });
  });
});
