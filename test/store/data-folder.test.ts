import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DataFolderError, EMBEDDED_VERSION } from "../../src/store/data-folder.ts";
import { openEmbedded } from "../../src/store/database.ts";
import { lockFolder } from "../../src/store/folder-lock.ts";
import { makeDataFolder } from "../support/embedded.ts";

/** How to break a folder, and the text of the error after the name of the folder. */
const BROKEN: readonly [what: string, break_: (folder: string) => Promise<unknown>, says: RegExp][] = [
  [
    "is of another version of PostgreSQL",
    (folder) => writeFile(join(folder, "postgres/PG_VERSION"), "99\n"),
    /was created by PostgreSQL 99, and this version of Purser reads PostgreSQL \d+: start the version/,
  ],
  [
    "lacks PG_VERSION, without which PGlite would start empty",
    (folder) => rm(join(folder, "postgres/PG_VERSION")),
    /has data, but its file postgres\/PG_VERSION is missing: restore/,
  ],
  [
    "has damaged files",
    (folder) => truncate(join(folder, "postgres/global/pg_control"), 100),
    /cannot be opened, because its files are damaged or incomplete \(PGlite says: .+\): restore the folder/,
  ],
  [
    "has a lock that is not Purser's",
    async (folder) => {
      await rm(join(folder, "lock"), { force: true });
      await mkdir(join(folder, "lock"));
    },
    /has a file \S+lock that is not a lock of Purser \(.+\): remove it/,
  ],
];

describe("a folder of the embedded store", () => {
  const stack = new AsyncDisposableStack();
  let parent: string;
  let good: string;
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "purser-folders-"));
    stack.defer(() => rm(parent, { recursive: true, force: true }));
    good = await makeDataFolder();
    stack.defer(() => rm(good, { recursive: true, force: true }));
    await (await openEmbedded({ folder: good }))[Symbol.asyncDispose]();
  });
  after(() => stack.disposeAsync());

  const assertRefused = (folder: string, says: RegExp): Promise<void> =>
    assert.rejects(openEmbedded({ folder }), (error: Error) => {
      assert.ok(error instanceof DataFolderError);
      assert.ok(error.message.startsWith(`the data folder ${folder} `), error.message);
      assert.match(error.message, says);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });

  it("has the PostgreSQL version of PGlite", async () => {
    assert.equal((await readFile(join(good, "postgres/PG_VERSION"), "utf8")).trim(), EMBEDDED_VERSION);
  });

  for (const [what, break_, says] of BROKEN) {
    it(`that ${what} is refused in one sentence, and its lock is free again`, async () => {
      const folder = await mkdtemp(join(parent, "broken-"));
      await cp(good, folder, { recursive: true });
      await break_(folder);
      await assertRefused(folder, says);
      if (what.includes("a lock that is not Purser's")) return;
      lockFolder(folder)[Symbol.dispose]();
    });
  }

  it("that is a file, or inside of one, is refused in one sentence", async () => {
    const file = join(parent, "file");
    await writeFile(file, "");
    for (const folder of [file, join(file, "data")]) {
      await assertRefused(folder, /is a file, or its path leads through a file: set DATA_DIR to a folder$/);
    }
  });
});
