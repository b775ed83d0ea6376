import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Generates the clients into an empty folder and compares them with those that are committed. Ends with 1 if any differs. */
const folder = mkdtempSync(join(tmpdir(), "purser-generated-"));
try {
  execFileSync("buf", ["generate", "--output", folder], { stdio: "inherit" });
  execFileSync(process.execPath, ["scripts/generate-python.ts", "--output", folder], { stdio: "inherit" });
  execFileSync("diff", ["--recursive", "--brief", "--exclude=__pycache__", join(folder, "gen"), "gen"], {
    stdio: "inherit",
  });
} catch {
  process.stderr.write("gen/ is not what is generated from proto/: run `npm run generate`\n");
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
