import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { startProvider } from "../support/provider.ts";
import { makeStore, startTestServer, type TestServer } from "../support/server.ts";
import { settingsTable } from "./settings-table.ts";

const run = promisify(execFile);
const ROOT = new URL("../../", import.meta.url);

const readme = await readFile(new URL("README.md", ROOT), "utf8");
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))].map(
    (match) => match[1] ?? "",
  );

describe("the README", () => {
  it("has the settings of config.ts, word for word", () => {
    const table = readme.slice(readme.indexOf("| variable |")).split("\n\n", 1)[0];
    assert.equal(table, settingsTable());
  });

  it("names only commands that package.json has", async () => {
    const { scripts } = JSON.parse(await readFile(new URL("package.json", ROOT), "utf8")) as {
      scripts: Record<string, string>;
    };
    const named = [
      ...readme.matchAll(
        /npm (?:run )?(?:--silent )?(start|test|demo|generate|prices|bench|bench:tokens)\b/g,
      ),
    ].map(([, name]) => name);
    assert.ok(named.length >= 3);
    for (const name of named) assert.ok(name !== undefined && name in scripts, `npm run ${name}`);
  });

  describe("has commands and programs that work", () => {
    const stack = new AsyncDisposableStack();
    let server: TestServer;
    before(async () => {
      const { environment } = stack.use(await makeStore("PGlite"));
      server = stack.use(await startTestServer(environment));
    });
    after(() => stack.disposeAsync());

    const onThisServer = (text: string): string =>
      text
        .replaceAll("http://127.0.0.1:50051", server.grpcUrl)
        .replaceAll("http://127.0.0.1:8080", server.httpUrl);

    it("from a shell", async () => {
      const commands = blocks("sh")
        .flatMap((block) => block.split("\n\n"))
        .filter((command) => !command.startsWith("npm ci"));
      const answers: Record<string, unknown>[] = [];
      for (const command of commands) {
        const { stdout } = await run("bash", ["-euc", onThisServer(command)], { cwd: ROOT });
        answers.push(JSON.parse(stdout) as Record<string, unknown>);
      }
      const [
        created,
        charged,
        current,
        createdBob,
        projected,
        chargedBob,
        reserved,
        settled,
        priced,
        chargedOwn,
      ] = answers;
      assert.equal(answers.length, 10);
      assert.ok(created?.budget && createdBob?.budget);
      assert.equal(charged?.costNanoUsd, "5700");
      assert.equal(current?.currentCostNanoUsd, "5700");
      assert.equal(projected?.withinBudget, true);
      assert.equal(chargedBob?.costNanoUsd, "442500");
      assert.equal(
        (reserved?.reservation as { state?: string } | undefined)?.state,
        "RESERVATION_STATE_HELD",
      );
      assert.equal(settled?.costNanoUsd, "442500");
      assert.equal((priced?.price as { model?: string } | undefined)?.model, "in-house-7b");
      assert.equal(chargedOwn?.costNanoUsd, "500000");
    });

    it("shows what npm run prices prints", async () => {
      const [console = ""] = blocks("console");
      const [first = "", compare = ""] = console.split(/^\$ /m).slice(1);
      const [command = "", ...printed] = first.split("\n");
      assert.equal((await run("bash", ["-euc", command], { cwd: ROOT })).stdout, printed.join("\n"));
      assert.match(compare, /^npm run --silent prices -- compare /);
    });

    /** A program of the README, run as it stands but for the ports. */
    const runProgram = async (index: number, environment: Record<string, string> = {}): Promise<string> => {
      const file = new URL(`readme-${process.pid}-${index}.ts`, ROOT);
      await writeFile(file, onThisServer(blocks("ts")[index] ?? ""));
      try {
        const options = { cwd: ROOT, env: { ...process.env, ...environment } };
        return (await run(process.execPath, ["--conditions=purser-source", file.pathname], options)).stdout;
      } finally {
        await rm(file);
      }
    };

    it("in TypeScript: a client", async () => {
      assert.equal(await runProgram(0), "450000n 9999544300n false\n");
    });

    it("in TypeScript: a fetch for OpenAI's SDK", async () => {
      const usage = { input_tokens: 14, output_tokens: 8, total_tokens: 22 };
      const content = [{ type: "output_text", text: "330 metres.", annotations: [] }];
      const output = [{ type: "message", id: "m", role: "assistant", status: "completed", content }];
      const answer = {
        id: "r",
        object: "response",
        status: "completed",
        model: "gpt-4o-mini",
        output,
        usage,
      };
      await using provider = await startProvider(() => ({ json: answer }));
      const environment = { OPENAI_BASE_URL: `${provider.url}/v1`, OPENAI_API_KEY: "none" };
      assert.equal(await runProgram(1, environment), "330 metres.\n");
      const { currentCostNanoUsd } = await server.grpc.getCurrentCost({ project: "demo", user: "alice" });
      // What the commands and the program before have spent, and 14 tokens in and 8 out.
      assert.equal(currentCostNanoUsd, 5_700n + 450_000n + 6_900n);
    });

    it("in TypeScript: LiteLLM's class", async () => {
      assert.equal(await runProgram(2), "0.00045 9.99955 false\n");
    });
  });
});
