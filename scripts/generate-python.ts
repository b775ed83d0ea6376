import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pythonVenv } from "../test/support/python.ts";

/**
 * Generates the Python client's messages and stubs from proto/: `node scripts/generate-python.ts [--output folder]`. It
 * writes to `gen/python` below the given folder, by default the current one.
 *
 * The generator is deliberately old: generated code runs on the generator's release of protobuf and on every later one,
 * so an old generator gives users of the client more choice.
 */
const GENERATOR = "grpcio-tools==1.71.2";
const PACKAGE = "budget/v1";

const { values } = parseArgs({ options: { output: { type: "string", default: "." } } });
const out = join(values.output, "gen/python");
const folder = join(out, PACKAGE);

const { python } = await pythonVenv(["--only-binary=:all:", GENERATOR]);
const protos = readdirSync(join("proto", PACKAGE)).map((name) => join(PACKAGE, name));
rmSync(out, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
protoc([`--python_out=${out}`, `--pyi_out=${out}`], protos);
protoc(
  [`--grpc_python_out=${out}`],
  protos.filter((path) => path.endsWith("_service.proto")),
);
for (const name of readdirSync(folder)) {
  const path = join(folder, name);
  writeFileSync(path, readFileSync(path, "utf8").replace(/^from budget\.v1 import /gm, "from . import "));
}
// Imports within the folder are relative, so that it can be part of any package: `budget` is too general a package
// name.
writeFileSync(join(folder, "__init__.py"), "");

function protoc(outputs: readonly string[], files: readonly string[]): void {
  const paths = ["--proto_path=proto", "--proto_path=node_modules/google-proto-files"];
  execFileSync(python, ["-m", "grpc_tools.protoc", ...paths, ...outputs, ...files], { stdio: "inherit" });
}
