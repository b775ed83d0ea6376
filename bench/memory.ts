import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { LOADS, type Load } from "./memory/loads.ts";
import { peakMegabytes } from "./memory/peak.ts";
import { openStage, type Stage } from "./service/stage.ts";

/** Runs `npm run bench:memory`: the most memory that a server takes under heavy loads, on each of its stores. */

const LIMIT_MB = 512;
const STORES = ["postgres", "embedded"];

const HELP = `Measures the most memory (VmHWM) of a server in its own process under heavy loads. It needs Linux.

  npm run bench:memory -- [--only LOAD,LOAD] [--stores STORE,STORE] [--seconds N]

  --only LOADS      some of ${Object.keys(LOADS).join(", ")}; default: all
  --stores STORES   some of ${STORES.join(", ")}; default: all
  --seconds N       how long each load lasts that has no end of its own; default: 8
`;

const text = { type: "string" } as const;
const { values } = parseArgs({
  options: { only: text, stores: text, seconds: text, help: { type: "boolean" } },
});

async function measure(stage: Stage, store: string, name: string, load: Load): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "purser-bench-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const place: Record<string, string> =
    store === "postgres"
      ? { DATABASE_URL: await stage.createDatabase() }
      : { DATA_DIR: join(folder, "data") };
  const purser = stack.use(await stage.startPurser({ ...place, LOG_LEVEL: "error" }));
  const before = await peakMegabytes(purser.pid);
  const answers = await load({ stage, purser });
  const peak = await peakMegabytes(purser.pid);
  const verdict = peak < LIMIT_MB ? "met" : "missed";
  process.stdout.write(
    `${name}, ${store}: ${before} MB before, ${peak} MB at most (below ${LIMIT_MB}: ${verdict}); ${answers}\n`,
  );
}

if (values.help === true) process.stdout.write(HELP);
else {
  await using stage = await openStage({ rounds: 1, seconds: Number(values.seconds ?? 8), budgets: 1 });
  for (const name of values.only?.split(",") ?? Object.keys(LOADS))
    for (const store of values.stores?.split(",") ?? STORES) {
      const load = LOADS[name];
      if (load === undefined) throw new TypeError(`--only: there is no load ${name}`);
      await measure(stage, store, name, load);
    }
}
