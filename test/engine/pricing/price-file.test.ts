import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import type { EventEmitter } from "node:events";
import { constants, unwatchFile, watchFile } from "node:fs";
import { mkdtemp, open, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PriceFileError, watchPriceFile } from "../../../src/engine/pricing/price-file.ts";

let folder = "";
before(async () => void (folder = await mkdtemp(join(tmpdir(), "purser-prices-"))));
after(() => rm(folder, { recursive: true }));

const BYTES_MAX = 32 * 1024 * 1024;
const NO_EVENTS = { onAccepted: () => {}, onRefused: () => {} };

/** @param first The number of the first model. */
const fileOf = (models: number, usd = 1e-6, first = 0): string =>
  JSON.stringify(
    Object.fromEntries(
      Array.from({ length: models }, (_, index) => [
        `maker-${index % 10}/model-${first + index}`,
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
  const event = Promise.withResolvers<void>();
  const file = await watchPriceFile({
    path,
    onAccepted: ({ models }) => {
      accepted.push(models.size);
      event.resolve();
    },
    onRefused: (why) => {
      refused.push(why);
      event.resolve();
    },
  });
  return {
    path,
    accepted,
    refused,
    firstEvent: event.promise,
    ...file,
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
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

/** Node.js has one watcher for all listeners of a path. Adds a listener of the test, to get that watcher. */
function watcherOf(path: string): EventEmitter & Disposable {
  const listener = (): void => {};
  const watcher = watchFile(path, { persistent: false }, listener);
  return Object.assign(watcher, { [Symbol.dispose]: () => unwatchFile(path, listener) });
}

test("a price file is read again when it has changed, without a reload", async () => {
  using file = await watched("changing.json", fileOf(100));
  using watcher = watcherOf(file.path);
  await writeFile(file.path, fileOf(120));
  watcher.emit("change");
  // The reload comes after the read that the change has begun.
  await file.reload();
  assert.deepEqual([file.accepted, file.refused], [[120, 120], []]);
});

test("a price file is no longer watched after its disposal", async () => {
  const file = await watched("unwatched.json", fileOf(100));
  using watcher = watcherOf(file.path);
  assert.equal(watcher.listenerCount("change"), 2);
  file[Symbol.dispose]();
  assert.equal(watcher.listenerCount("change"), 1);
});

test("a new version is compared with the version in use: neither with the first one nor with a refused one", async () => {
  using file = await watched("compared.json", fileOf(100));
  const versions: [first: number, models: number][] = [
    [50, 150],
    // Lacks all models of the first version, and 50 of the 150 in use.
    [100, 100],
    // Has all models of the first version, and lacks all in use.
    [0, 100],
    // Lacks all models of the version that was refused, and none of those in use.
    [100, 101],
  ];
  for (const [first, models] of versions) {
    await writeFile(file.path, fileOf(models, 1e-6, first));
    await file.reload();
  }
  assert.deepEqual(file.accepted, [150, 100, 101]);
  assert.deepEqual(file.refused, ["it lacks 100 of the 100 priced models of the file in use"]);
});

test("a read that ends after disposal reports nothing", async () => {
  const file = await watched("disposed.json", fileOf(100));
  const reading = file.reload();
  file[Symbol.dispose]();
  await reading;
  assert.deepEqual([file.accepted, file.refused], [[], []]);
});

test("a named pipe is refused at once, and nothing waits for a process that writes to it", async () => {
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  const refusal = watchPriceFile({ path, ...NO_EVENTS }).then(
    () => "accepted",
    (thrown: unknown) => String(thrown),
  );
  try {
    assert.match(await Promise.race([refusal, operationsOnFiles()]), /it is not a regular file/);
  } finally {
    // Ends the wait of a reader, which would keep the process alive.
    await using _writer = await open(path, constants.O_RDWR | constants.O_NONBLOCK);
    await refusal;
  }
});

/** Resolves after so many operations on files that one that began before them, and waits for nothing, has ended. */
async function operationsOnFiles(): Promise<string> {
  for (let n = 0; n < 2_000; n++) await stat(folder);
  return "it still waits";
}

test("a price file that is huge, broken or not a file is refused, and the reason says so", async () => {
  using file = await watched("huge.json", fileOf(100));
  await truncate(file.path, BYTES_MAX + 1);
  await file.reload();
  await writeFile(file.path, fileOf(100, 2));
  await file.reload();
  assert.deepEqual(file.accepted, []);
  assert.equal(file.refused[0], "it has more than 33554432 bytes");
  assert.match(
    file.refused[1] ?? "",
    /^it has 0 models with a usable price, fewer than 50; left out: "maker-0\/model-0": input_cost_per_token is 2, above 1 USD per token/,
  );
  const path = join(folder, "largest.json");
  await writeFile(path, fileOf(110).padEnd(BYTES_MAX));
  using largest = await watchPriceFile({ path, ...NO_EVENTS });
  assert.equal(largest.first.models.size, 110);
  await assert.rejects(watchPriceFile({ path: folder, ...NO_EVENTS }), (thrown: unknown) => {
    assert.ok(thrown instanceof PriceFileError);
    // The stack begins with the name of the error.
    assert.match(String(thrown), /^PriceFileError: PRICES_FILE=".*": it is not a regular file$/);
    return true;
  });
  await assert.rejects(watchPriceFile({ path: join(folder, "absent"), ...NO_EVENTS }), /ENOENT/);
});
