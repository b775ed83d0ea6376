import { readFileSync } from "node:fs";
import { Failure } from "../src/domain/errors.ts";
import { genaiLayer } from "../src/domain/prices/genai.ts";
import { acceptPriceFile, createPriceBook, type PriceFile, priceLayers } from "../src/domain/prices.ts";
import { HELP, type Request, readArguments, UsageError } from "./prices/arguments.ts";
import { compare } from "./prices/compare.ts";
import { explain } from "./prices/explain.ts";
import { report } from "./prices/report.ts";

/** Runs `npm run prices`: shows how a price is computed, or compares price sources. See HELP. */

/** An error that the user can fix. The message is one line. */
class Refusal extends Error {}

function answer(request: Request): string {
  switch (request.kind) {
    case "help":
      return HELP;
    case "explain": {
      const file = request.file === undefined ? undefined : readPriceFile(request.file);
      return explain(
        request.model,
        createPriceBook(priceLayers({ file })).priceUsage(request.model, request.usage),
      );
    }
    case "compare": {
      const file = readPriceFile(request.file);
      return report(file, compare(file.layer, genaiLayer, new Date()));
    }
    default: {
      const unreachable: never = request;
      return unreachable;
    }
  }
}

function readPriceFile(path: string): PriceFile {
  const verdict = acceptPriceFile(undefined, readText(path));
  if (!verdict.ok) throw new Refusal(`${path}: ${verdict.why}`);
  return verdict.file;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Refusal(`cannot read the file: ${(error as Error).message}`);
  }
}

try {
  process.stdout.write(answer(readArguments(process.argv.slice(2))));
} catch (error) {
  if (!(error instanceof UsageError || error instanceof Refusal || error instanceof Failure)) throw error;
  process.stderr.write(`prices: ${error.message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
