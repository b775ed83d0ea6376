import type { Random } from "../../support/run.ts";
import { changeJson } from "../bytes.ts";
import { compress } from "../compressions.ts";
import type { Input } from "../input.ts";
import { MODELS, ODD_MODELS, ODD_NAMES } from "../values.ts";
import type { World } from "../world.ts";
import { type HttpRequest, toInput, twist } from "./http.ts";

/** Posts of LiteLLM's BudgetManager, valid ones and those of broken or hostile clients. */

export type LegacyStrangeness = "valid" | "odd values" | "changed bytes" | "odd transport";

type LegacyRecord = Record<string, unknown>;
type LegacyMap = Record<string, LegacyRecord>;

/** The kind under which the world remembers maps that /get_budget returned. */
export const MAPS = "legacy map";

interface Loaded {
  project: string;
  map: LegacyMap;
}

export function makeLegacyPost(by: { random: Random; world: World }, strangeness: LegacyStrangeness): Input {
  const { random, world } = by;
  const isLoad = random.below(3) === 0;
  const project = random.pick(world.projects);
  const json = isLoad ? `{"project_name":${JSON.stringify(project)}}` : post(by, project, strangeness);
  const body = Buffer.from(json);
  const request: HttpRequest = {
    what: strangeness,
    way: "legacy",
    method: isLoad ? "/get_budget" : "/set_budget",
    verb: "POST",
    target: isLoad ? "/get_budget" : "/set_budget",
    headers: [["Content-Type", "application/json"]],
    body: strangeness === "changed bytes" ? changeJson(body, random) : body,
  };
  if (strangeness !== "odd transport") return toInput(request);
  if (random.below(3) > 0) return toInput(twist(request, random));
  const { what, encoding, bytes } = compress(body, random);
  return toInput({
    ...request,
    what,
    headers: [...request.headers, ["Content-Encoding", encoding]],
    body: bytes,
  });
}

function post(
  { random, world }: { random: Random; world: World },
  project: string,
  strangeness: string,
): string {
  const loaded = random.below(3) > 0 ? (world.recall(random, MAPS) as Loaded | undefined) : undefined;
  const map = loaded === undefined ? newMap(random, world) : spend(random, loaded.map);
  const isOdd = strangeness === "odd values";
  const changed = isOdd ? random.pick(ODD_MAPS)(map, random) : map;
  const text = JSON.stringify({ project_name: loaded?.project ?? project, user_dict: changed });
  // Numbers that are valid JSON but that JSON.stringify never writes.
  return isOdd && random.below(3) === 0
    ? text.replace(
        /"current_cost":[^,}]+/,
        () =>
          `"current_cost":${random.pick(["1e400", "-0", "1e-400", "9".repeat(10_000), "0.1".padEnd(5000, "1")])}`,
      )
    : text;
}

const newMap = (random: Random, world: World): LegacyMap =>
  Object.fromEntries(
    Array.from({ length: 1 + random.below(3) }, () => [random.pick(world.users), newRecord(random)]),
  );

function newRecord(random: Random): LegacyRecord {
  const cost = random.below(1000) / 1000;
  return {
    total_budget: random.pick([0, 10, 1000, 0.1]),
    duration: random.pick([null, 1, 7, 30]),
    created_at: 1_700_000_000 + random.below(1_000_000),
    last_updated_at: 1_700_000_000 + random.below(1_000_000),
    current_cost: cost,
    model_cost: { [random.pick(MODELS)]: cost },
  };
}

function spend(random: Random, map: LegacyMap): LegacyMap {
  const copy = structuredClone(map);
  const [user] = Object.keys(copy).slice(random.below(3));
  const record = user === undefined ? undefined : copy[user];
  if (record === undefined) return copy;
  const cost = random.below(1000) / 1e6;
  const models = (record.model_cost ?? {}) as Record<string, number>;
  const model = random.pick(MODELS);
  record.current_cost = ((record.current_cost as number | undefined) ?? 0) + cost;
  record.model_cost = { ...models, [model]: (models[model] ?? 0) + cost };
  return copy;
}

const change =
  (key: string, ...values: readonly unknown[]) =>
  (map: LegacyMap, random: Random): unknown =>
    Object.fromEntries(
      Object.entries(map).map(([user, record]) => [user, { ...record, [key]: random.pick(values) }]),
    );

const NUMBERS = [
  -1,
  -0,
  1e308,
  -1e308,
  5e-324,
  9.3e9,
  9_223_372_036.85,
  2 ** 53,
  0.1 + 0.2,
  "1",
  null,
  [],
  {},
  true,
];
const origins: readonly unknown[] = [
  null,
  [],
  {},
  "",
  [""],
  ["s", "1", "1", "1", 1, []],
  ["s", "9223372036854775807", "9223372036854775807", "9223372036854775807", 366_000, []],
  ["s", "99999999999999999999", "1", "1", null, []],
  ["s", "-1", "1", "1", null, []],
  ["s", "1", "1", "1", 0.5, [["gpt-4o", "1"]]],
  [
    "s",
    "1",
    "1",
    "1",
    null,
    [
      ["gpt-4o", "1"],
      ["gpt-4o", "2"],
    ],
  ],
  ["s", "1", "1", "1", null, [["__proto__", "1"]]],
  ["s", "1", "1", "1", null, [["a\0b", "1"]]],
  ["s", "1", "1", "1", null, [["x".repeat(10_000), "9223372036854775807"]]],
  ["s", "1", "1", "1", null, Array.from({ length: 3000 }, (_, each) => [`m${each}`, "1"])],
  ["\0", "1", "1", "1", null, []],
  ["s".repeat(1000), "1", "1", "1", null, []],
];

const HUGE_USERS = 20_000;

const ODD_MAPS: readonly ((map: LegacyMap, random: Random) => unknown)[] = [
  change("total_budget", ...NUMBERS),
  change("current_cost", ...NUMBERS),
  change("duration", ...NUMBERS, 1000, 1001, 366_000, 0),
  change("created_at", ...NUMBERS, 1e12, 253_402_300_799, -62_135_596_801),
  change("last_updated_at", ...NUMBERS, 1e12, 253_402_300_799),
  change("model_cost", ...NUMBERS, { "": 1 }, Object.fromEntries(ODD_NAMES.map((name) => [name, 0.1]))),
  change("model_cost", ...ODD_MODELS.map((model) => ({ [model]: 0.001 }))),
  change("purser", ...origins),
  change("purser", ...origins),
  change("unknown", { a: ["b"] }),
  (map) => Object.fromEntries(Object.keys(map).map((user) => [user, {}])),
  (map, random) =>
    Object.fromEntries(Object.keys(map).map((user) => [user, random.pick([null, [], 1, "a"])])),
  (map, random) => ({
    ...map,
    ...Object.fromEntries([[random.pick([...ODD_NAMES, "", "a\0", "x".repeat(257)]), newRecord(random)]]),
  }),
  (_, random) => Object.fromEntries(ODD_NAMES.map((name) => [name, newRecord(random)])),
  (_, random) => random.pick<unknown>([null, [], 1, "a", {}, [{}], true]),
  // Almost as large as a request may be, and invalid at its end: the valid records before that must not be written.
  (_, random) =>
    Object.fromEntries([
      ...Array.from({ length: HUGE_USERS }, (_, each) => [`huge-${each}`, { total_budget: 1 }]),
      ["last", random.pick([null, { total_budget: -1 }])],
    ]),
];
