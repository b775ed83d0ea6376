import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { FolderLockedError, lockFolder } from "../../src/store/folder-lock.ts";

describe("a folder's lock", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "purser-lock-"));
  });
  after(() => rm(folder, { recursive: true }));

  it("keeps others out while it is held", () => {
    using _held = lockFolder(folder);
    assert.throws(() => lockFolder(folder), FolderLockedError);
  });

  it("can be taken again after it was released", () => {
    lockFolder(folder)[Symbol.dispose]();
    lockFolder(folder)[Symbol.dispose]();
  });

  it("ends with the process that holds it, even by SIGKILL", async () => {
    const module = JSON.stringify(new URL("../../src/store/folder-lock.ts", import.meta.url).href);
    const holder = spawn(process.execPath, [
      "--input-type=module",
      "--eval",
      `import { lockFolder } from ${module};
       globalThis.held = lockFolder(${JSON.stringify(folder)});
       process.stdout.write("held");
       setInterval(() => {}, 1000);`,
    ]);
    await once(holder.stdout, "data");
    assert.throws(() => lockFolder(folder), FolderLockedError);
    holder.kill("SIGKILL");
    await once(holder, "exit");
    lockFolder(folder)[Symbol.dispose]();
  });
});
