import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, PeriodUnit } from "../../gen/es/budget/v1/budget_pb.ts";
import type { UpdateCostRequestSchema } from "../../gen/es/budget/v1/budget_service_pb.ts";
import type { ServiceTier } from "../../gen/es/budget/v1/cost_pb.ts";
import { type Api, charge, type Name } from "./api.ts";
import { COMPLETIONS } from "./completions.ts";

/** A bad request: what is wrong, the call, the field that the error must name, and the text of the error. */
export type Case = [
  wrong: string,
  call: (client: Api["client"], name: Name) => Promise<unknown>,
  field: string,
  says?: string | RegExp,
];

type Source = MessageInitShape<typeof UpdateCostRequestSchema>["source"];

const MAX = 2n ** 63n - 1n;
const NAME_TOO_LONG = "must be at most 256 bytes of UTF-8";
const CONTROL = "must not contain control characters";

const names: Case[] = [
  ["no project", (client, name) => client.getBudget({ ...name, project: "" }), "project", "is required"],
  ["no user", (client, name) => client.getBudget({ ...name, user: "" }), "user", "is required"],
  [
    "a project of 257 bytes",
    (c) => c.getBudget({ project: "p".repeat(257), user: "u" }),
    "project",
    NAME_TOO_LONG,
  ],
  [
    "a user of 257 bytes in 86 characters",
    (c) => c.getBudget({ project: "p", user: `${"€".repeat(85)}é` }),
    "user",
    NAME_TOO_LONG,
  ],
  [
    "a user of a million bytes",
    (c) => c.getBudget({ project: "p", user: "u".repeat(1e6) }),
    "user",
    NAME_TOO_LONG,
  ],
  ["a NUL in a user", (c) => c.createBudget({ project: "p", user: "a\0b" }), "user", CONTROL],
  ["a line break in a project", (c) => c.createBudget({ project: "a\nb", user: "u" }), "project", CONTROL],
  ["DEL in a user", (c) => c.deleteBudget({ project: "p", user: "\u007f" }), "user", CONTROL],
  ["a C1 control character in a user", (c) => c.resetCost({ project: "p", user: "\u0085" }), "user", CONTROL],
  [
    "a request_id of 129 bytes",
    (c, name) => charge({ client: c }, name, 1n, { requestId: "r".repeat(129) }),
    "request_id",
    "must be at most 128 bytes of UTF-8",
  ],
  [
    "a control character in a request_id",
    (c, name) => c.resetCost({ ...name, requestId: "\t" }),
    "request_id",
    CONTROL,
  ],
  [
    "a user prefix of 257 bytes",
    (c, name) => c.listUsers({ ...name, userPrefix: "u".repeat(257) }),
    "user_prefix",
    NAME_TOO_LONG,
  ],
  [
    "a sweep of a user without a project",
    (c) => c.sweepDurations({ user: "u" }),
    "project",
    "is required if user is given",
  ],
  ["entries without a project", (c) => c.listCostEntries({}), "project", "is required"],
];

const budgets: Case[] = [
  [
    "a negative total",
    (c, name) => c.createBudget({ ...name, user: "new", totalBudgetNanoUsd: -1n }),
    "total_budget_nano_usd",
    "must be 0 or more, not -1",
  ],
  [
    "the most negative total",
    (c, name) => c.createBudget({ ...name, user: "new", totalBudgetNanoUsd: -MAX - 1n }),
    "total_budget_nano_usd",
  ],
  [
    "an unknown duration",
    (c, name) => c.createBudget({ ...name, user: "new", duration: 99 as Duration }),
    "duration",
  ],
  [
    "a period and a duration",
    (c, name) => c.createBudget({ ...name, user: "new", duration: 1, period: { unit: 1, count: 1 } }),
    "duration",
    "must be absent if period is given",
  ],
  [
    "a negative total in an update",
    (c, name) =>
      c.updateBudget({ ...name, totalBudgetNanoUsd: -1n, updateMask: { paths: ["total_budget_nano_usd"] } }),
    "total_budget_nano_usd",
  ],
  [
    "an update without a mask",
    (c, name) => c.updateBudget({ ...name, totalBudgetNanoUsd: 1n }),
    "update_mask",
  ],
  [
    "an update with an empty mask",
    (c, name) => c.updateBudget({ ...name, totalBudgetNanoUsd: 1n, updateMask: {} }),
    "update_mask",
  ],
  [
    "an update of a field that cannot change",
    (c, name) => c.updateBudget({ ...name, updateMask: { paths: ["spent_nano_usd"] } }),
    "update_mask",
    'cannot change "spent_nano_usd"',
  ],
  [
    "an update of a good field and a bad one",
    (c, name) =>
      c.updateBudget({
        ...name,
        totalBudgetNanoUsd: 1n,
        updateMask: { paths: ["total_budget_nano_usd", "user"] },
      }),
    "update_mask",
  ],
  [
    "an update of a field with a very long name",
    (c, name) => c.updateBudget({ ...name, updateMask: { paths: ["x".repeat(1e6)] } }),
    "update_mask",
    /^cannot change "x{300,400}\.\.\.$/,
  ],
];

const period =
  (change: object): Case[1] =>
  (client, name) =>
    client.createBudget({ ...name, user: "new", period: { unit: PeriodUnit.DAY, count: 1, ...change } });

const periods: Case[] = [
  ["no unit", period({ unit: PeriodUnit.UNSPECIFIED }), "period.unit"],
  ["an unknown unit", period({ unit: 99 }), "period.unit"],
  ["a count of 0", period({ count: 0 }), "period.count", "must be 1 to 1000, not 0"],
  ["a count of -1", period({ count: -1 }), "period.count"],
  ["a count of 1001", period({ count: 1001 }), "period.count"],
  ["an unknown time zone", period({ timeZone: "Mars/Olympus" }), "period.time_zone", /America\/New_York/],
  ["a time zone with a control character", period({ timeZone: "UTC\0" }), "period.time_zone"],
  ["a very long time zone", period({ timeZone: "A".repeat(1e5) }), "period.time_zone"],
  [
    "a mask that names a bad period",
    (c, name) => c.updateBudget({ ...name, updateMask: { paths: ["period"] }, period: { unit: 1 } }),
    "period.count",
  ],
];

const update =
  (source: Source): Case[1] =>
  (client, name) =>
    client.updateCost({ ...name, source });
const usage = (value: object): Case[1] => update({ case: "usage", value: { model: "gpt-4o", ...value } });
const text = (value: object): Case[1] => update({ case: "text", value: { model: "gpt-4o", ...value } });
const known = (value: object): Case[1] => update({ case: "cost", value: { model: "m", ...value } });

const sources: Case[] = [
  ["no source", update({ case: undefined }), "source", "must be one of completion, text, usage, cost"],
  ["a negative cost", known({ costNanoUsd: -1n }), "cost.cost_nano_usd", "must be 0 or more, not -1"],
  ["a cost without a model", known({ model: "" }), "cost.model", "is required"],
  ["a cost of a model of 257 bytes", known({ model: "m".repeat(257) }), "cost.model", NAME_TOO_LONG],
  ["a cost of a model with a NUL", known({ model: "\0" }), "cost.model", CONTROL],
  ["a text without a model", text({ model: "", inputText: "a" }), "text.model"],
  ["counts without a model", usage({ model: "" }), "usage.model"],
  ["a negative count", usage({ inputTokens: -1n }), "usage.input_tokens"],
  ["a count above 2^53-1", usage({ outputTokens: 2n ** 53n }), "usage.output_tokens"],
  [
    "more cached tokens than tokens",
    usage({ inputTokens: 1n, cacheReadTokens: 2n }),
    "usage.input_tokens",
    /less than its parts/,
  ],
  ["seconds of NaN", usage({ inputSeconds: Number.NaN }), "usage.input_seconds"],
  ["infinite seconds", usage({ outputSeconds: Number.POSITIVE_INFINITY }), "usage.output_seconds"],
  ["an unknown tier", usage({ serviceTier: 99 as ServiceTier }), "usage.service_tier"],
  [
    "counts that cost more than 64 bits",
    usage({ model: "gpt-4", outputTokens: 2n ** 53n - 1n }),
    "usage",
    /2\^63/,
  ],
];

const completion = (value: object): Case[1] => update({ case: "completion", value: value as JsonObject });
const chat = COMPLETIONS["OpenAI chat completions"];
const { usage: _usage, ...withoutUsage } = chat;
const { model: _model, ...withoutModel } = chat;
const counts = (change: object): Case[1] => completion({ ...chat, usage: { ...chat.usage, ...change } });
const nested = (depth: number): object => (depth === 0 ? {} : { a: nested(depth - 1) });

const completions: Case[] = [
  ["an empty object", completion({}), "completion.usage", /is missing/],
  ["no usage", completion(withoutUsage), "completion.usage", /is missing/],
  [
    "a usage of null, as in the chunks of a stream",
    completion({ ...chat, usage: null }),
    "completion.usage",
    /last chunk/,
  ],
  [
    "a usage of an unknown format",
    completion({ model: "gpt-4o", usage: { tokens: 5 } }),
    "completion.usage",
    /unknown form/,
  ],
  ["a negative count", counts({ completion_tokens: -1 }), "completion.usage.completion_tokens"],
  ["a fraction of a token", counts({ prompt_tokens: 1.5 }), "completion.usage.prompt_tokens", /is 1\.5$/],
  ["a count as text", counts({ completion_tokens: "12" }), "completion.usage.completion_tokens", /is "12"$/],
  ["a count above 2^53-1", counts({ prompt_tokens: 1e300 }), "completion.usage.prompt_tokens"],
  [
    "counts that cost more than 64 bits",
    completion({ ...chat, model: "gpt-4", usage: { prompt_tokens: 2 ** 53 - 1, completion_tokens: 0 } }),
    "completion.usage",
    /2\^63/,
  ],
  ["no model", completion(withoutModel), "completion.model"],
  ["a model with a NUL", completion({ ...chat, model: "gpt-4o\0" }), "completion.model", CONTROL],
  [
    "a very long model",
    completion({ ...chat, model: "gpt-4o".repeat(50_000) }),
    "completion.model",
    NAME_TOO_LONG,
  ],
  ["1,000 levels", completion({ ...chat, choices: [nested(1000)] }), "request", /recursion depth/],
];

const pages: Case[] = [
  [
    "a negative page size",
    (c, name) => c.listUsers({ ...name, pageSize: -1 }),
    "page_size",
    "must be 0 or more, not -1",
  ],
  ["an invalid page token", (c, name) => c.listUsers({ ...name, pageToken: "abc" }), "page_token"],
  [
    "a very long page token",
    (c, name) => c.listPeriods({ ...name, pageToken: ".".repeat(1e5) }),
    "page_token",
  ],
  [
    "an end before the start",
    (c, name) =>
      c.listCostEntries({
        ...name,
        startTime: { seconds: 253_402_300_799n, nanos: 0 },
        endTime: { seconds: 1n, nanos: 0 },
      }),
    "end_time",
  ],
];

/** Requests with one mistake each, grouped by subject. */
export const BAD_REQUESTS: Readonly<Record<string, readonly Case[]>> = {
  names,
  budgets,
  periods,
  sources,
  completions,
  pages,
};
