import * as fc from "fast-check";
import type { Operation } from "../../src/engine/commit/operation.ts";
import type { Every } from "./model-period.ts";
import type { Change, Definition, LimitGiven } from "./model-tree.ts";

/** The steps that a project can take, in a world so small that they interact: five users, three models, few ids. */

export type BatchOperation = Extract<
  Operation,
  { kind: "charge" | "refund" | "reset" | "reserve" | "release" | "extend" }
>;

/** A change of a budget itself, in the model's terms. */
export type BudgetStep =
  | { kind: "create"; definition: Definition }
  | { kind: "update"; user: string; change: Change }
  | { kind: "delete"; user: string };

export type Step =
  | BudgetStep
  | { kind: "post"; post: PostStep }
  | { kind: "sweep"; user: string | undefined }
  | { kind: "pass"; hours: number }
  /** Operations that are submitted together, in this order. */
  | { kind: "batch"; operations: (BudgetStep | Omit<BatchOperation, "project">)[] };

/** The steps that a record of LiteLLM's map needs, applied all or nothing. */
export interface PostStep {
  user: string;
  /** Creates the budget with this total, if it does not exist. */
  creates: bigint | undefined;
  resets: boolean;
  costs: { model: string; cost: bigint }[];
  total: bigint | undefined;
  /** The step was chosen from a state that has changed since. */
  isStale: boolean;
}

export const USERS = ["a", "b", "c", "d", "e"];
const MODELS = ["m", "m-1", "x"];
const user = fc.constantFrom(...USERS);
const model = fc.constantFrom(...MODELS);
const idUpTo = (max: number) => fc.integer({ min: 0, max }).map((n) => `id-${n}`);
/** Ids of reservations: few, so that an operation often names an existing one. */
const id = idUpTo(23);
/** Ids of charges and resets: mostly new, because otherwise most operations would soon be replays. */
const requestId = fc.oneof({ weight: 1, arbitrary: id }, { weight: 3, arbitrary: idUpTo(499) });
/** Replaced by the user who holds the reservation that an operation names. */
export const HOLDER = "the holder";
/** Replaced by one of the existing charges. */
export const NTH_CHARGE = "charge number ";
const MAX = 2n ** 63n - 1n;
const edge = fc.constantFrom(MAX, MAX - 1n, MAX - 20n, MAX / 2n);
// Small, so that an amount often equals the remainder or exceeds it by one.
const amount = fc.oneof({ weight: 30, arbitrary: fc.bigInt(0n, 6n) }, { weight: 1, arbitrary: edge });
const total = fc.oneof({ weight: 6, arbitrary: fc.bigInt(0n, 18n) }, { weight: 1, arbitrary: edge });
const period = fc.constantFrom<Every | undefined>(
  undefined,
  { unit: "DAY", count: 1 },
  { unit: "DAY", count: 7 },
  { unit: "MONTH", count: 1 },
  { unit: "MONTH", count: 5 },
);
const parent = fc.option(user, { nil: undefined, freq: 3 });
const limits: fc.Arbitrary<LimitGiven[]> = fc.uniqueArray(
  fc.record({ model: fc.constantFrom(...MODELS, "m*", "*"), limitNanoUsd: fc.bigInt(0n, 12n) }),
  { maxLength: 2, selector: (limit) => limit.model },
);

// An id with the same content is a replay; with other content, it is refused.
const printed = <T extends object>(shape: fc.Arbitrary<T>): fc.Arbitrary<T & { fingerprint: string }> =>
  shape.map((content) => ({
    ...content,
    fingerprint: JSON.stringify(content, (_, value: unknown) =>
      typeof value === "bigint" ? `${value}` : value,
    ),
  }));

const hours = fc.constantFrom(1n, 3n, 24n, 30n).map((n) => n * 3_600_000_000n);
const exactly = <T>(value: T) => fc.constant(value);

const chargeOf = <R extends string | undefined>(who: fc.Arbitrary<string>, reservationId: fc.Arbitrary<R>) =>
  printed(
    fc.record({
      kind: exactly("charge" as const),
      user: who,
      requestId,
      source: exactly("COST" as const),
      model,
      costNanoUsd: amount,
      detail: exactly(undefined),
      reservationId,
    }),
  );
const charge = chargeOf(user, exactly(undefined));
const settle = chargeOf(
  fc.oneof({ weight: 1, arbitrary: user }, { weight: 6, arbitrary: exactly(HOLDER) }),
  id,
);
const reserve = printed(
  fc.record({
    kind: exactly("reserve" as const),
    user,
    requestId: id,
    model,
    amountNanoUsd: amount,
    ttlUs: hours,
    onExpiry: fc.constantFrom("RELEASE" as const, "CHARGE" as const),
    detail: exactly(undefined),
  }),
);
const reset = printed(
  fc.record({ kind: exactly("reset" as const), user, requestId, actor: exactly("test") }),
);
const release = fc.record({ kind: exactly("release" as const), user: exactly(HOLDER), reservationId: id });
const extend = fc.record({
  kind: exactly("extend" as const),
  user: exactly(HOLDER),
  reservationId: id,
  ttlUs: hours,
});

const refund = printed(
  fc.record({
    kind: exactly("refund" as const),
    user: exactly(HOLDER),
    requestId,
    chargeId: fc.oneof(
      { weight: 1, arbitrary: requestId },
      { weight: 4, arbitrary: fc.nat({ max: 9 }).map((n) => `${NTH_CHARGE}${n}`) },
    ),
    chargedAncestors: exactly<string[]>([]),
    amountNanoUsd: fc.option(fc.bigInt(1n, 6n), { nil: undefined }),
    actor: exactly("test"),
  }),
);

const operation: fc.Arbitrary<Omit<BatchOperation, "project">> = fc.oneof(
  { weight: 2, arbitrary: refund },
  { weight: 3, arbitrary: charge },
  { weight: 4, arbitrary: settle },
  { weight: 6, arbitrary: reserve },
  { weight: 2, arbitrary: release },
  { weight: 1, arbitrary: extend },
  { weight: 1, arbitrary: reset },
);

const definition: fc.Arbitrary<Definition> = fc.record({ user, total, period, parent, limits });
const change: fc.Arbitrary<Change> = fc
  .record({ total, period, parent, limits }, { requiredKeys: [] })
  .filter((each) => Object.keys(each).length > 0);

const budgetStep: fc.Arbitrary<BudgetStep> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: exactly("create" as const), definition }) },
  { weight: 4, arbitrary: fc.record({ kind: exactly("update" as const), user, change }) },
  { weight: 1, arbitrary: fc.record({ kind: exactly("delete" as const), user }) },
);

const post: fc.Arbitrary<PostStep> = fc.record({
  user,
  creates: fc.option(total, { nil: undefined }),
  resets: fc.boolean(),
  costs: fc.array(fc.record({ model, cost: amount }), { maxLength: 3 }),
  total: fc.option(total, { nil: undefined }),
  isStale: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
});

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: budgetStep },
  { weight: 3, arbitrary: fc.record({ kind: exactly("post" as const), post }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: exactly("sweep" as const), user: fc.option(user, { nil: undefined }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: exactly("pass" as const),
      hours: fc.constantFrom(1, 2, 12, 24, 25, 49, 200, 28 * 24, 31 * 24),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      kind: exactly("batch" as const),
      operations: fc.array(
        fc.oneof({ weight: 6, arbitrary: operation }, { weight: 1, arbitrary: budgetStep }),
        {
          minLength: 1,
          maxLength: 4,
        },
      ),
    }),
  },
);

/** An initial tree, so that few operations fail for lack of a budget. */
export const beginning: fc.Arbitrary<Step[]> = fc.array(total, { minLength: 4, maxLength: 4 }).map((totals) =>
  totals.map((each, index) => ({
    kind: "create",
    definition: {
      user: USERS[index] as string,
      total: each,
      period: index % 2 === 0 ? { unit: index === 0 ? "MONTH" : "DAY", count: 1 } : undefined,
      parent: USERS[index - 1],
      limits: index === 1 ? [{ model: "m*", limitNanoUsd: 9n }] : [],
    },
  })),
);

/** The start of the clock: days of the month that some months lack, and one that every month has. */
export const day = fc.constantFrom("2023-01-30", "2024-01-31", "2024-02-29", "2024-12-31", "2025-06-15");
