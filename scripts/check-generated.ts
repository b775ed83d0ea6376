import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Generates the clients into an empty folder and compares them with the committed ones. Exit status 1 if any differs:
 * `node scripts/check-generated.ts [es] [python]`. Without arguments it checks both. Python's generator needs Python.
 */
const GENERATORS: Record<string, (folder: string) => void> = {
  es: (folder) => void execFileSync("buf", ["generate", "--output", folder], { stdio: "inherit" }),
  python: (folder) =>
    void execFileSync(process.execPath, ["scripts/generate-python.ts", "--output", folder], {
      stdio: "inherit",
    }),
};

/** The files below a folder, by relative path. */
const filesIn = (folder: string): Map<string, string> =>
  new Map(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.\w+$/.test(path) && !path.includes("__pycache__"))
      .map((path) => [path, readFileSync(join(folder, path), "utf8")]),
  );

function differing(language: string, folder: string): string[] {
  const fresh = filesIn(join(folder, "gen", language));
  const committed = filesIn(join("gen", language));
  return [...new Set([...fresh.keys(), ...committed.keys()])].filter(
    (path) => fresh.get(path) !== committed.get(path),
  );
}

const asked = process.argv.slice(2);
for (const language of asked.length === 0 ? Object.keys(GENERATORS) : asked) {
  const generate = GENERATORS[language];
  if (generate === undefined) throw new Error(`there is no generator ${JSON.stringify(language)}`);
  const folder = mkdtempSync(join(tmpdir(), "purser-generated-"));
  try {
    generate(folder);
    const paths = differing(language, folder);
    if (paths.length === 0) continue;
    process.stderr.write(
      `gen/${language} differs from what proto/ generates: run \`npm run generate\`\n${paths.join("\n")}\n`,
    );
    process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
