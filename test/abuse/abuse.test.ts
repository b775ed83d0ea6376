import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { perRun, SEED } from "../support/run.ts";
import { STORES, type StoreKind } from "../support/server.ts";
import { makeBudgets } from "./make-budgets.ts";
import { type Ran, runInputs } from "./run-inputs.ts";
import { shown, startBystander } from "./server/bystander.ts";
import { megabytes } from "./server/memory.ts";
import { startTarget } from "./server/target.ts";
import { World } from "./world.ts";

const given = process.env.PURSER_ABUSE_INPUTS ?? "";
const INPUTS = given === "" ? perRun(2_000, 100_000) : Number(given);
const INPUTS_EACH = Math.ceil(INPUTS / STORES.length);
/** Inputs to send before memory is measured: by then the server has compiled its code and filled its caches. */
const WARM_UP = Math.min(300, Math.floor(INPUTS_EACH / 4));
const LIVE_BYTES_MAX = 32_000_000;
const RESIDENT_BYTES_MAX = 150_000_000;

async function abuse(kind: StoreKind): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const target = stack.use(await startTarget(kind));
  const world = new World();
  await makeBudgets(target.grpcPort, world);
  const bystander = stack.use(startBystander(target.grpcPort));
  const campaign = { target, world, seed: SEED };
  const warmUp = await runInputs({ ...campaign, from: 0, count: WARM_UP });
  assert.ok(!warmUp.isOver, reportOf(warmUp));
  await bystander.lap();
  const before = await target.memory();
  const rest = await runInputs({ ...campaign, from: WARM_UP, count: INPUTS_EACH - WARM_UP });
  assert.ok(!rest.isOver, reportOf(warmUp, rest));
  const times = await bystander.stop();
  const after = await target.memory();

  const ok = warmUp.ok + rest.ok;
  const warnings = [...target.warnings()].map(([text, count]) => `${count} x ${text}`);
  process.stdout.write(
    [
      `${kind}: ${INPUTS_EACH} inputs, ${ok} answered OK`,
      `bystander: ${shown(times)}`,
      `live ${megabytes(before.live)} -> ${megabytes(after.live)}, resident ${megabytes(before.resident)} -> ${megabytes(after.resident)}`,
      `warnings: ${warnings.join(", ") || "none"}`,
      `slowest: ${rest.slowest.join("; ")}\n`,
    ].join("\n  "),
  );
  assert.equal(reportOf(warmUp, rest), "");
  assert.deepEqual(target.complaints(), [], "errors in the log of the server");
  assert.ok(ok > INPUTS_EACH / 5, "too few inputs succeed to prove anything");
  assert.ok(after.live - before.live < LIVE_BYTES_MAX, "live memory has grown");
  assert.ok(after.resident - before.resident < RESIDENT_BYTES_MAX, "resident memory has grown");
  await target.stop();
}

const reportOf = (...ran: Ran[]): string => ran.flatMap(({ failures }) => failures).join("\n\n");

describe("a server under random and hostile input", () => {
  for (const kind of STORES)
    it(`answers each input, keeps running, and keeps its books consistent (${kind})`, () => abuse(kind));
});
