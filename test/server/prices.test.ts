import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import pino from "pino";
import { ServiceTier } from "../../gen/es/budget/v1/cost_pb.ts";
import { ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { makeStore, startTestServer, type TestServer } from "../support/server.ts";

const usage = (model: string, inputTokens: bigint, outputTokens = 0n) =>
  ({ case: "usage", value: { model, inputTokens, outputTokens } }) as const;

const failure = async (
  call: Promise<unknown>,
): Promise<{ code: Code; reason: string | undefined; metadata: unknown }> => {
  const error = await call.then(
    () => assert.fail("the call was not refused"),
    (thrown: unknown) => ConnectError.from(thrown),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  return { code: error.code, reason: info?.reason, metadata: info?.metadata };
};

/** A price file with this many models at one price. */
const bigFile = (usdPerToken: number, models = 1000): string =>
  JSON.stringify(
    Object.fromEntries(
      Array.from({ length: models }, (_, i) => [
        `filed-${i}`,
        { input_cost_per_token: usdPerToken, litellm_provider: "openai", mode: "chat" },
      ]),
    ),
  );

describe("prices", () => {
  const stack = new AsyncDisposableStack();
  let folder: string;
  let pricesFile: string;
  let server: TestServer;
  /** The lines that say that the price file was refused. */
  const refused: { path: string; why: string }[] = [];
  const log = pino(
    { level: "error" },
    {
      write(text) {
        const line = JSON.parse(text) as { msg: string; path: string; why: string };
        if (line.msg === "the new price file was refused; the previous prices stay in use")
          refused.push(line);
      },
    },
  );
  let other: TestServer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "purser-prices-"));
    stack.defer(() => rm(folder, { recursive: true }));
    pricesFile = join(folder, "prices.json");
    await writeFile(pricesFile, bigFile(3e-6));
    const { environment } = stack.use(await makeStore("PostgreSQL"));
    server = stack.use(
      await startTestServer({ ...environment, PRICES_FILE: pricesFile, PROJECT_PRICES_MAX: "3" }, log),
    );
    // A second server on the same database, without a price file, which reads prices from the database every time.
    other = stack.use(await startTestServer({ ...environment, PRICES_REFRESH_MS: "0" }));
  });
  after(() => stack.disposeAsync());

  const newBudget = async (project: string) => {
    const name = { project, user: "alice" };
    await server.grpc.createBudget({ ...name, totalBudgetNanoUsd: 10n ** 12n });
    return name;
  };
  const price = (model: string, input: string) => ({
    model,
    rates: [
      { dimension: "input", usd: input },
      { dimension: "output", usd: "2", per: 1000n },
    ],
  });

  it("of a project come before all price lists, in that project only", async () => {
    const [own, others] = [await newBudget("own"), await newBudget("others")];
    await server.grpc.setModelPrice({ project: "own", price: price("gpt-4o-mini", "7") });
    const charged = await server.grpc.updateCost({ ...own, source: usage("GPT-4o-mini", 1000n, 1n) });
    assert.equal(charged.costNanoUsd, 7_000_000n + 2_000_000n);
    assert.equal(charged.price?.source, "project");
    assert.deepEqual(
      charged.price?.lines.map((line) => [
        line.dimension,
        line.quantity,
        line.rateUsd,
        line.per,
        line.costUsd,
      ]),
      [
        ["input", "1000", "7", "1000000 tokens", "0.007"],
        ["output", "1", "2", "1000 tokens", "0.002"],
      ],
    );
    const elsewhere = await other.grpc.updateCost({ ...others, source: usage("gpt-4o-mini", 1000n) });
    assert.equal(elsewhere.costNanoUsd, 150_000n);
  });

  it("take effect on other servers, and are removed there, too", async () => {
    const name = await newBudget("moving");
    const charge = async () =>
      (await other.grpc.updateCost({ ...name, source: usage("gpt-4o-mini", 1000n) })).costNanoUsd;
    assert.equal(await charge(), 150_000n);
    await server.grpc.setModelPrice({ project: "moving", price: price("gpt-4o-mini", "1") });
    assert.equal(await charge(), 1_000_000n);
    await server.grpc.deleteModelPrice({ project: "moving", model: "gpt-4o-mini" });
    assert.equal(await charge(), 150_000n);
    assert.deepEqual(
      await failure(server.grpc.deleteModelPrice({ project: "moving", model: "gpt-4o-mini" })),
      {
        code: Code.NotFound,
        reason: "PRICE_NOT_FOUND",
        metadata: { project: "moving", model: "gpt-4o-mini" },
      },
    );
  });

  it("may have a default, and may be zero", async () => {
    const name = await newBudget("default");
    const source = usage("in-house-7b", 1_000_000n);
    const { code, reason } = await failure(other.grpc.updateCost({ ...name, source }));
    assert.deepEqual([code, reason], [Code.FailedPrecondition, "UNPRICED_MODEL"]);
    await server.grpc.setModelPrice({ project: "default", price: price("*", "3") });
    const charged = await other.grpc.updateCost({ ...name, source });
    assert.equal(charged.costNanoUsd, 3_000_000_000n);
    assert.match(charged.price?.assumptions.join() ?? "", /default price/);
    await server.grpc.setModelPrice({ project: "default", price: price("in-house-7b", "0") });
    assert.equal((await other.grpc.updateCost({ ...name, source })).costNanoUsd, 0n);
  });

  it("are listed by model, in pages, as they were set", async () => {
    for (const model of ["c", "a", "b"]) {
      await server.grpc.setModelPrice({
        project: "listed",
        price: {
          model,
          rates: [
            {
              dimension: "cache_write_1h",
              usd: "0.5",
              serviceTier: ServiceTier.PRIORITY,
              aboveInputTokens: 7n,
            },
          ],
        },
      });
    }
    const first = await other.grpc.listModelPrices({ project: "listed", pageSize: 2 });
    const second = await other.grpc.listModelPrices({
      project: "listed",
      pageSize: 2,
      pageToken: first.nextPageToken,
    });
    assert.deepEqual(
      [...first.prices, ...second.prices].map((each) => each.model),
      ["a", "b", "c"],
    );
    assert.equal(second.nextPageToken, "");
    const [rate] = second.prices[0]?.rates ?? [];
    assert.deepEqual(
      [rate?.dimension, rate?.usd, rate?.per, rate?.serviceTier, rate?.aboveInputTokens],
      ["cache_write_1h", "0.5", 1_000_000n, ServiceTier.PRIORITY, 7n],
    );
  });

  it("are limited in number; at the limit, existing ones can still be changed", async () => {
    for (const model of ["a", "b", "c"]) {
      await server.grpc.setModelPrice({ project: "full", price: price(model, "1") });
    }
    assert.deepEqual(await failure(server.grpc.setModelPrice({ project: "full", price: price("d", "1") })), {
      code: Code.ResourceExhausted,
      reason: "PRICES_FULL",
      metadata: { project: "full", prices_max: "3" },
    });
    await server.grpc.setModelPrice({ project: "full", price: price("c", "2") });
  });

  it("are refused if they are invalid, and the error names the field", async () => {
    const rate = (changes: object) => ({ model: "m", rates: [{ dimension: "input", usd: "1", ...changes }] });
    const cases: [Parameters<typeof server.grpc.setModelPrice>[0]["price"], string][] = [
      [undefined, "price"],
      [{ model: "", rates: [] }, "price.model"],
      [{ model: "m", rates: [] }, "price.rates"],
      [rate({ dimension: "inputs" }), "price.rates[0].dimension"],
      [rate({ usd: "-1" }), "price.rates[0].usd"],
      [rate({ usd: "1 dollar" }), "price.rates[0].usd"],
      [rate({ usd: "" }), "price.rates[0].usd"],
      [rate({ per: -1n }), "price.rates[0].per"],
      [rate({ serviceTier: 99 }), "price.rates[0].service_tier"],
      [rate({ aboveInputTokens: -1n }), "price.rates[0].above_input_tokens"],
    ];
    for (const [bad, field] of cases) {
      const { code, reason, metadata } = await failure(
        server.grpc.setModelPrice({ project: "bad", price: bad }),
      );
      assert.deepEqual([code, reason], [Code.InvalidArgument, "INVALID_FIELD"]);
      assert.equal((metadata as Record<string, string>).field, field);
    }
    assert.deepEqual((await server.grpc.listModelPrices({ project: "bad" })).prices, []);
  });

  it("do not affect a replay: it gets its first answer, priced or not", async () => {
    const name = await newBudget("repeated");
    await server.grpc.setModelPrice({ project: "repeated", price: price("mine", "1") });
    const request = { ...name, requestId: "r", source: usage("mine", 1_000_000n) };
    const first = await server.grpc.updateCost(request);
    await server.grpc.deleteModelPrice({ project: "repeated", model: "mine" });
    const again = await server.grpc.updateCost(request);
    assert.equal(again.replayed, true);
    assert.equal(again.costNanoUsd, first.costNanoUsd);
    assert.deepEqual(again.price, first.price);
    const { reason } = await failure(server.grpc.updateCost({ ...request, requestId: "s" }));
    assert.equal(reason, "UNPRICED_MODEL");
    const unknown = await failure(server.grpc.updateCost({ ...request, user: "nobody" }));
    assert.equal(unknown.reason, "BUDGET_NOT_FOUND");
  });

  describe("of a completion", () => {
    const completion = {
      object: "chat.completion",
      model: "openai/gpt-4o-mini",
      choices: [],
      usage: { prompt_tokens: 1000, completion_tokens: 0, cost: 0.0123456789 },
    };
    it("are taken from the response if the request asks for that, rounded once to nano-USD", async () => {
      const name = await newBudget("reported");
      const source = { case: "completion", value: completion } as const;
      const priced = await server.grpc.updateCost({ ...name, source });
      assert.equal(priced.costNanoUsd, 150_000n);
      const reported = await server.grpc.updateCost({ ...name, source, useReportedCost: true });
      assert.equal(reported.costNanoUsd, 12_345_679n);
      assert.equal(reported.price?.source, "reported");
    });

    it("may not change from reported to computed when a request is repeated", async () => {
      const name = await newBudget("reported-once");
      const source = { case: "completion", value: completion } as const;
      const request = { ...name, requestId: "r", source, useReportedCost: true };
      await server.grpc.updateCost(request);
      const { reason } = await failure(server.grpc.updateCost({ ...request, useReportedCost: false }));
      assert.equal(reason, "REQUEST_ID_REUSED");
      assert.equal((await server.grpc.updateCost(request)).replayed, true);
    });

    it("are those of the model that the request names", async () => {
      const name = await newBudget("named");
      const { model: _, ...nameless } = completion;
      const source = { case: "completion", value: nameless } as const;
      const charged = await server.grpc.updateCost({ ...name, source, completionModel: "gpt-4o" });
      assert.equal(charged.costNanoUsd, 2_500_000n);
      const { metadata } = await failure(server.grpc.updateCost({ ...name, source }));
      assert.equal((metadata as Record<string, string>).field, "completion.model");
    });
  });

  describe("from a file in LiteLLM's format", () => {
    const replaceFile = async (text: string): Promise<void> => {
      await writeFile(`${pricesFile}.new`, text);
      await rename(`${pricesFile}.new`, pricesFile);
      await server.reloadPrices();
    };
    const cost = async (name: { project: string; user: string }): Promise<bigint> =>
      (await server.grpc.updateCost({ ...name, source: usage("filed-7", 1000n) })).costNanoUsd;

    it("are reloaded when it changes; a bad file is logged, and the previous prices stay", async () => {
      const name = await newBudget("filed");
      assert.equal(await cost(name), 3_000_000n);
      await replaceFile(bigFile(1e-6));
      assert.equal(await cost(name), 1_000_000n);
      for (const [bad, why] of [
        ["not json", /JSON/],
        ["{}", /^it has 0 models with a usable price/],
        [bigFile(2e-6, 49), /^it has 49 models with a usable price/],
        [bigFile(2e-6, 499), /^it lacks 501 of the 1000 priced models/],
      ] as const) {
        refused.length = 0;
        await replaceFile(bad);
        assert.equal(await cost(name), 1_000_000n);
        // The server may have noticed the change by itself, too.
        const [line] = refused;
        assert.equal(line?.path, pricesFile);
        assert.match(line.why, why);
      }
      await replaceFile(bigFile(2e-6, 500));
      assert.equal(await cost(name), 2_000_000n);
    });
  });
});
