import assert from "node:assert/strict";
import { mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { watchPriceFile } from "../../../src/engine/pricing/price-file.ts";

let folder = "";
before(async () => void (folder = await mkdtemp(join(tmpdir(), "purser-prices-"))));
after(() => rm(folder, { recursive: true }));

const fileOf = (models: number, usd = 1e-6): string =>
  JSON.stringify(
    Object.fromEntries(
      Array.from({ length: models }, (_, index) => [
        `maker-${index % 10}/model-${index}`,
        { input_cost_per_token: usd, output_cost_per_token: usd, mode: "chat", litellm_provider: "maker" },
      ]),
    ),
  );

/** A watched file that records its events. */
async function watched(name: string, text: string) {
  const path = join(folder, name);
  await writeFile(path, text);
  const accepted: number[] = [];
  const refused: string[] = [];
  const file = await watchPriceFile({
    path,
    onAccepted: ({ models }) => accepted.push(models.size),
    onRefused: (why) => refused.push(why),
  });
  return { path, accepted, refused, ...file, [Symbol.dispose]: () => file[Symbol.dispose]() };
}

test("other work gets its turn while a price file is read", async () => {
  using file = await watched("large.json", fileOf(100));
  await writeFile(file.path, fileOf(20_000));
  let turns = 0;
  let isRead = false;
  const takeTurn = (): void => {
    if (isRead) return;
    turns++;
    setImmediate(takeTurn);
  };
  // Turns before the text has been read prove nothing, so counting starts at the first parse.
  const originalParse = JSON.parse;
  JSON.parse = (text, reviver) => {
    JSON.parse = originalParse;
    setImmediate(takeTurn);
    return originalParse(text, reviver);
  };
  await file.reload();
  isRead = true;
  assert.deepEqual(file.accepted, [20_000]);
  assert.ok(turns > 3, `${turns} turns`);
});

test("the version that was read last applies", async () => {
  using file = await watched("order.json", fileOf(100));
  await writeFile(file.path, fileOf(5_000));
  const first = file.reload();
  await writeFile(`${file.path}.new`, fileOf(4_000));
  await rename(`${file.path}.new`, file.path);
  await Promise.all([first, file.reload()]);
  assert.equal(file.accepted.at(-1), 4_000);
});

test("a read that ends after disposal reports nothing", async () => {
  const file = await watched("disposed.json", fileOf(100));
  const reading = file.reload();
  file[Symbol.dispose]();
  await reading;
  assert.deepEqual([file.accepted, file.refused], [[], []]);
});

test("a price file that is huge, broken or not a file is refused, and the reason says so", async () => {
  using file = await watched("huge.json", fileOf(100));
  await truncate(file.path, 33 * 1024 * 1024);
  await file.reload();
  await writeFile(file.path, fileOf(100, 2));
  await file.reload();
  assert.deepEqual(file.accepted, []);
  assert.equal(file.refused[0], "it has more than 33554432 bytes");
  assert.match(
    file.refused[1] ?? "",
    /^it has 0 models with a usable price, fewer than 50; left out: "maker-0\/model-0": input_cost_per_token is 2, above 1 USD per token/,
  );
  const none = { onAccepted: () => {}, onRefused: () => {} };
  await assert.rejects(
    watchPriceFile({ path: folder, ...none }),
    /PRICES_FILE=".*": it is not a regular file/,
  );
  await assert.rejects(watchPriceFile({ path: join(folder, "absent"), ...none }), /ENOENT/);
});
