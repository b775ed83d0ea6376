import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { blocksOf, commandsOf, consoleOf, PAGES } from "./markdown.ts";
import { NOT_RUN, reasonNotToRun } from "./not-run.ts";
import { runPage } from "./run-page.ts";

/** test/interop/docs.interop.ts runs Python and curl itself. */
suite("Every command and TypeScript program of a page works on an empty server", { concurrency: 2 }, () => {
  for (const page of PAGES) {
    const languages = new Set(blocksOf(page).map(({ language }) => language));
    if (languages.isDisjointFrom(new Set(["sh", "console", "ts", "sql"]))) continue;
    test(page.path, async (t) => {
      t.diagnostic(`${await runPage(page)} were run`);
    });
  }

  test("and no block of a page is missed", () => {
    for (const page of PAGES) {
      const found = blocksOf(page).flatMap((block) => (block.prints === undefined ? [0] : [0, 0]));
      const fences = page.text.match(/^\s*```/gm) ?? [];
      assert.equal(fences.length, 2 * found.length, page.path);
    }
  });

  test("and every block that is not run is listed with its reason, and the list has no other entries", () => {
    const commands = PAGES.flatMap(blocksOf).flatMap((block) => {
      if (block.language === "sh") return commandsOf(block);
      if (block.language === "console") return consoleOf(block).map(({ command }) => command);
      return [block.text];
    });
    const unused = [...NOT_RUN.keys()].filter(
      (start) => !commands.some((command) => command.startsWith(start)),
    );
    assert.deepEqual(unused, []);
    assert.equal(reasonNotToRun("npm run lint"), undefined);
  });
});
