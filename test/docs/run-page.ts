import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { sql } from "kysely";
import { ROOT } from "../support/program.ts";
import { makeStore, startTestServer, type TestServer } from "../support/server.ts";
import { runCurl } from "./curl.ts";
import { createKeyVariables } from "./key-variables.ts";
import { type Block, blocksOf, commandsOf, consoleOf, isShown, type Page } from "./markdown.ts";
import { reasonNotToRun } from "./not-run.ts";
import { startStandIn } from "./stand-in.ts";

const run = promisify(execFile);

/** A command that takes longer belongs on the list of commands that are not run. */
const COMMAND_MS_MAX = 300_000;

/** Tools besides Node. If absent, Python is skipped, and curl commands are run with fetch. */
export interface Tools {
  /**
   * Runs a Python program.
   * @returns What it prints.
   */
  python(program: string, environment: Record<string, string>): Promise<string>;
}

/**
 * Runs a page from top to bottom against an empty server, as a reader would, and compares what it prints with what the
 * page shows.
 * @returns How many commands and programs were run.
 */
export async function runPage(page: Page, tools?: Tools): Promise<number> {
  const blocks = blocksOf(page);
  if (tools === undefined) await checkTypes(blocks.filter(({ language }) => language === "ts"));
  await using stack = new AsyncDisposableStack();
  const { environment } = stack.use(await makeStore("PGlite"));
  const server = stack.use(await startTestServer(environment));
  const provider = stack.use(await startStandIn());
  const keys = createKeyVariables();
  const programs = {
    OPENAI_BASE_URL: `${provider.url}/v1`,
    OPENAI_API_KEY: "none",
    ANTHROPIC_BASE_URL: provider.url,
    ANTHROPIC_API_KEY: "none",
  };
  let ran = 0;
  for (const block of blocks) {
    for (const { name, start, prints } of stepsOf(
      block,
      server,
      () => ({ ...programs, ...keys.values }),
      tools,
    )) {
      if (keys.isExport(name)) {
        keys.export(name);
        continue;
      }
      const printed = await start().catch((error: unknown) => {
        throw new Error(`${block.where}: ${name}`, { cause: error });
      });
      ran++;
      keys.noteSecret(printed);
      if (prints === undefined) assertSucceeded(name, printed, block.where);
      else if (!isShown(printed, prints)) assert.equal(printed, prints, `${block.where}: ${name}`);
    }
  }
  return ran;
}

interface Step {
  name: string;
  start: () => Promise<string>;
  prints?: string;
}

function stepsOf(
  block: Block,
  server: TestServer,
  environment: () => Record<string, string>,
  tools: Tools | undefined,
): Step[] {
  const here = (text: string): string =>
    text
      .replaceAll("http://127.0.0.1:50051", server.grpcUrl)
      .replaceAll("http://127.0.0.1:8080", server.httpUrl);
  const command = (text: string, prints?: string): Step[] =>
    reasonNotToRun(text) === undefined
      ? [{ name: text, prints, start: () => runCommand(here(text), environment(), tools) }]
      : [];
  const program = (start: () => Promise<string>): Step[] => [
    { name: block.text, prints: block.prints, start },
  ];
  switch (block.language) {
    case "sh":
      return commandsOf(block).flatMap((text) => command(text));
    case "console":
      return consoleOf(block).flatMap((step) => command(step.command, step.prints));
    case "ts":
      return program(() => runTypeScript(here(block.text), environment()));
    case "py":
      return tools === undefined ? [] : program(() => tools.python(here(block.text), environment()));
    case "sql":
      if (reasonNotToRun(block.text) !== undefined) return [];
      return program(async () => {
        await sql.raw(block.text).execute(server.database.kysely);
        return "";
      });
    case "json":
    case "text":
      return [];
    default:
      throw new Error(`${block.where}: nothing is known of a block of ${JSON.stringify(block.language)}`);
  }
}

async function runCommand(
  command: string,
  environment: Record<string, string>,
  tools: Tools | undefined,
): Promise<string> {
  if (command.startsWith("curl ") && tools === undefined) return runCurl(command, environment);
  // With this variable, `node --test` assumes that it is part of this test run, and runs nothing.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return (
    await run("sh", ["-euc", command], {
      cwd: ROOT,
      env: { ...env, ...environment },
      timeout: COMMAND_MS_MAX,
    })
  ).stdout;
}

/** curl exits with 0 even if the call was refused and an error was printed. */
function assertSucceeded(command: string, printed: string, where: string): void {
  if (!/^(?:curl|npx buf curl) /.test(command)) return;
  const answer = JSON.parse(printed) as object;
  assert.ok(!("code" in answer || "error" in answer), `${where}: ${command}\n${printed}`);
}

// Inside the repository, so that the name of the package, which is not installed, can be resolved.
const makeFolder = (): Promise<string> => mkdtemp(join(ROOT, ".docs-"));

async function runTypeScript(program: string, environment: Record<string, string>): Promise<string> {
  const folder = await makeFolder();
  try {
    const file = join(folder, "program.ts");
    await writeFile(file, program);
    const { stdout, stderr } = await run(process.execPath, ["--conditions=purser-source", file], {
      cwd: folder,
      env: { ...process.env, ...environment },
      timeout: COMMAND_MS_MAX,
    });
    assert.equal(stderr, "");
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Compiles all programs in one run, which takes no longer than one program.
 * @throws Error with the compiler's message.
 */
async function checkTypes(programs: readonly Block[]): Promise<void> {
  if (programs.length === 0) return;
  const folder = await makeFolder();
  try {
    // Pages may have unused names.
    const compilerOptions = { noUnusedLocals: false };
    const config = { extends: "../tsconfig.json", compilerOptions, include: ["*.ts"] };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    for (const { text, where } of programs)
      await writeFile(join(folder, `${where.replaceAll(/\W/g, "-")}.ts`), text);
    const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
    await run(process.execPath, [compiler, "-p", folder]).catch((error: { stdout?: string }) => {
      throw new Error(`a program has type errors: ${error.stdout}`, { cause: error });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
