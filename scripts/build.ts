/** Builds the package as JavaScript in dist/: `npm run build`. Node does not run TypeScript below node_modules. */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const DIST = join(ROOT, "dist");

const manifest = createRequire(import.meta.url).resolve("typescript/package.json");
const compiler = join(dirname(manifest), "bin/tsc");

rmSync(DIST, { recursive: true, force: true });
execFileSync(process.execPath, [compiler, "--project", "tsconfig.build.json"], {
  cwd: ROOT,
  stdio: "inherit",
});
// The migrations are read at run time, from a path relative to the code.
cpSync(join(ROOT, "migrations"), join(DIST, "migrations"), { recursive: true });
chmodSync(join(DIST, "src/main.js"), 0o755);
