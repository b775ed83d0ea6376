import { execFile } from "node:child_process";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { blocksOf, PAGES } from "../docs/markdown.ts";
import { runPage, type Tools } from "../docs/run-page.ts";
import { LITELLM_ENVIRONMENT, litellmVenv } from "../support/litellm.ts";
import { explained, installPackage } from "./python/package.ts";

const run = promisify(execFile);

/** Tests the pages again, now with their Python programs and with curl itself. */
suite("Every command and program of a page works, Python and curl included", () => {
  const stack = new AsyncDisposableStack();
  let tools: Tools;
  before(async () => {
    const { python, site } = stack.use(await installPackage());
    const { python: litellm } = await litellmVenv();
    tools = {
      async python(program, environment) {
        const env = { ...process.env, ...LITELLM_ENVIRONMENT, PYTHONPATH: site, ...environment };
        // LiteLLM's own class imports more than the package's tests install.
        const interpreter = program.includes("from litellm") ? litellm : python;
        return (await explained(run(interpreter, ["-c", program], { env }))).stdout;
      },
    };
  });
  after(() => stack.disposeAsync());

  for (const page of PAGES) {
    const languages = new Set(blocksOf(page).map(({ language }) => language));
    if (languages.isDisjointFrom(new Set(["sh", "console", "py"]))) continue;
    test(page.path, async (t) => {
      t.diagnostic(`${await runPage(page, tools)} were run`);
    });
  }
});
