import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import * as fc from "fast-check";
import { type BudgetError, Failure } from "../../src/domain/errors.ts";
import type { Role } from "../../src/domain/key.ts";
import type { Operation } from "../../src/engine/commit/operation.ts";
import { type Caller, callerWith } from "../../src/server/caller.ts";
import { createGate, type Gate } from "../../src/server/gate.ts";
import { createPermissions, type Names } from "../../src/server/permissions.ts";
import { assertConserved } from "../support/conservation.ts";
import { type Inside, startInside } from "../support/engine.ts";
import { perRun, SEED } from "../support/run.ts";
import type { Told } from "./model.ts";
import { TreeModel } from "./model-tree.ts";
import { budgetOperation, isBudgetStep, modelStep, resolved } from "./operations.ts";
import { beginning, day, type Step, step } from "./steps.ts";
import { modelState, toldOf, World } from "./world.ts";

/** Who makes a step: a role, in the project of the steps or in another one, for all users or for one. */
interface Who {
  role: Role;
  isElsewhere: boolean;
  bound: string | undefined;
}

const user = fc.constantFrom("a", "b", "c", "d");
const who: fc.Arbitrary<Who> = fc.oneof(
  { weight: 3, arbitrary: whoWith(["ADMIN", "OPERATOR"], false, fc.constant(undefined)) },
  { weight: 2, arbitrary: whoWith(["READER", "SPENDER"], false, fc.constant(undefined)) },
  { weight: 4, arbitrary: whoWith(["SPENDER", "SPENDER", "READER"], false, user) },
  { weight: 2, arbitrary: whoWith(["READER", "SPENDER", "ADMIN"], true, fc.constant(undefined)) },
  { weight: 1, arbitrary: whoWith(["SPENDER"], true, user) },
);

function whoWith(roles: Role[], isElsewhere: boolean, bound: fc.Arbitrary<string | undefined>) {
  return fc.record({ role: fc.constantFrom(...roles), isElsewhere: fc.constant(isElsewhere), bound });
}

const RANK: Record<Role, number> = { READER: 0, SPENDER: 1, ADMIN: 2, OPERATOR: 3 };

/** The method of each kind of step, and the role that it needs. */
const METHODS = {
  create: ["CreateBudget", "ADMIN"],
  update: ["UpdateBudget", "ADMIN"],
  delete: ["DeleteBudget", "ADMIN"],
  post: ["/set_budget", "ADMIN"],
  sweep: ["SweepDurations", "ADMIN"],
  refund: ["RefundCost", "ADMIN"],
  reset: ["ResetCost", "ADMIN"],
  charge: ["UpdateCost", "SPENDER"],
  reserve: ["ReserveCost", "SPENDER"],
  release: ["ReleaseReservation", "SPENDER"],
  extend: ["ExtendReservation", "SPENDER"],
} as const satisfies Record<string, readonly [string, Role]>;

type Kind = keyof typeof METHODS;
const PROJECT_WIDE: ReadonlySet<Kind> = new Set(["create", "post", "sweep"]);
const NOT_FOUND: Partial<Record<Kind, BudgetError["reason"]>> = {
  refund: "CHARGE_NOT_FOUND",
  release: "RESERVATION_NOT_FOUND",
  extend: "RESERVATION_NOT_FOUND",
};

/** What a step is, and the names in it. */
function subjectOf(model: TreeModel, each: Step): { kind: Kind; user: string | undefined; names: object } {
  if (each.kind === "pass") throw new Error("time passes for everybody");
  if (each.kind === "post") return { kind: "post", user: each.post.user, names: {} };
  if (each.kind === "sweep") return { kind: "sweep", user: each.user, names: {} };
  const one = each.kind === "batch" ? each.operations[0] : each;
  assert.ok(one !== undefined);
  if (isBudgetStep(one)) {
    const of = one.kind === "create" ? one.definition.user : one.user;
    return { kind: one.kind, user: of, names: { user: of } };
  }
  const operation = one as Exclude<Operation, { kind: "create" | "update" | "delete" | "post" }>;
  const { kind } = operation as { kind: Kind };
  const { reservationId = "", chargeId = "", user: of } = one as Record<string, string | undefined>;
  if (kind === "refund") return { kind, user: undefined, names: { chargeRequestId: chargeId } };
  if (kind === "release" || kind === "extend")
    return { kind, user: model.reservations.get(reservationId)?.user, names: { reservationId } };
  return { kind, user: of, names: { user: of } };
}

/** Why the model refuses a step to a caller. Undefined: it does not. */
function refusalIn(model: TreeModel, caller: Who, each: Step): string | undefined {
  const { kind, user: of } = subjectOf(model, each);
  const [, needed] = METHODS[kind];
  if (RANK[caller.role] < RANK[needed]) return "KEY_NOT_ALLOWED";
  if (caller.role === "OPERATOR") return undefined;
  if (PROJECT_WIDE.has(kind))
    return caller.isElsewhere || caller.bound !== undefined ? "KEY_NOT_ALLOWED" : undefined;
  if (!caller.isElsewhere && isWithin(model, of, caller.bound)) return undefined;
  return NOT_FOUND[kind] ?? "BUDGET_NOT_FOUND";
}

const isWithin = (model: TreeModel, of: string | undefined, bound: string | undefined): boolean =>
  bound === undefined || of === bound || model.path(of).some((level) => level.user === bound);

/** The answer as the caller may see it: an error of a budget above the caller's names the caller's. */
function shownTo(model: TreeModel, { bound }: Who, each: Step, told: Told): Told {
  if (bound === undefined || typeof told !== "string") return told;
  const [reason, level] = told.split(" ");
  if (level === undefined) return told;
  const isShown =
    reason === "AMOUNT_OVERFLOW" ? level === subjectOf(model, each).user : isWithin(model, level, bound);
  return isShown ? told : `${reason} ${bound}`;
}

let projects = 0;

suite("Random operations of random callers", () => {
  const stack = new AsyncDisposableStack();
  let inside: Inside;
  let gate: Gate;
  before(async () => {
    inside = stack.use(await startInside({ batchesInFlightMax: 1 }));
    gate = createGate(createPermissions(inside.store));
  });
  after(() => stack.disposeAsync());

  /** Does what the handler does of a request that the gate has let through, or has replaced. */
  const work = async (world: World, each: Step, given: Names, request: Names): Promise<{ told: Told }> => {
    if (each.kind === "post" || each.kind === "sweep") {
      const [told] = await world.step(each);
      return { told: told as Told };
    }
    const one = each.kind === "batch" ? each.operations[0] : each;
    assert.ok(one !== undefined && one.kind !== "pass");
    const { project } = request;
    const whole = isBudgetStep(one) ? budgetOperation(project, one) : ({ ...one, project } as Operation);
    if (request !== given) {
      const { reservationId, chargeRequestId: requestId } = request;
      if (requestId !== undefined) await inside.reader.findCharge({ project, requestId });
      if (reservationId !== undefined) await inside.reader.findReservation({ project, reservationId });
    }
    const operation = request === given ? whole : ({ ...whole, user: request.user } as Operation);
    const verdict = await inside.engine.submit(operation);
    if (!verdict.ok) throw new Failure(verdict.error);
    return { told: toldOf(verdict) };
  };

  const ask = async (world: World, caller: Caller, subject: ReturnType<typeof subjectOf>, each: Step) => {
    const given: Names = { project: world.project, ...subject.names };
    try {
      const [method] = METHODS[subject.kind];
      const { told } = await gate.permitted(caller, method, given, (request) =>
        work(world, each, given, request),
      );
      return { told };
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      return { told: toldOf({ ok: false, error: thrown.error } as never), error: thrown.error };
    }
  };

  const run = async (date: string, steps: readonly { step: Step; who: Who }[]): Promise<void> => {
    const noonMs = Date.parse(`${date}T12:00Z`);
    const world = await new World(inside, `keys-${++projects}`).begin(noonMs);
    const model = new TreeModel(noonMs);
    const callerOf = ({ role, isElsewhere, bound }: Who): Caller => {
      const project = isElsewhere ? `${world.project}-other` : world.project;
      const where = role === "OPERATOR" ? {} : { project, ...(bound !== undefined && { user: bound }) };
      return callerWith(role, { kind: "key", actor: "key:k", keyId: "k", ...where });
    };
    for (const { step: each, who: by } of steps) {
      if (each.kind === "pass") {
        modelStep(model, each);
        await world.step(each);
        continue;
      }
      // A caller names what exists, also if it may not.
      if (each.kind === "batch") each.operations = each.operations.map((one) => resolved(model, one));
      const refusal = refusalIn(model, by, each);
      const subject = subjectOf(model, each);
      const [done] = refusal === undefined ? modelStep(model, each) : [refusal];
      const expected = refusal ?? shownTo(model, by, each, done as Told);
      const { told, error } = await ask(world, callerOf(by), subject, each);
      assert.deepEqual(told, expected);
      // The caller is told the names that it gave, whatever took their place.
      if (refusal !== undefined && error !== undefined && "project" in error) {
        const {
          reason: _,
          requestId: chargeRequestId,
          ...named
        } = error as Record<string, unknown> & BudgetError;
        const names = { ...named, ...(chargeRequestId !== undefined && { chargeRequestId }) };
        assert.deepEqual(names, { project: world.project, ...subject.names });
      }
      assert.deepEqual(inside.defects, []);
      assert.deepEqual(await world.state(), modelState(model));
    }
    await assertConserved(inside.kysely);
  };

  /** Every operation of a batch gets a caller of its own. */
  const alone = (each: Step): Step[] =>
    each.kind === "batch"
      ? each.operations.map((operation) => ({ kind: "batch", operations: [operation] }))
      : [each];

  test("change and reveal what the model says that a key permits, and nothing else", async () => {
    const made = fc.record({ step, callers: fc.array(who, { minLength: 4, maxLength: 4 }) });
    const operator: Who = { role: "OPERATOR", isElsewhere: false, bound: undefined };
    await fc.assert(
      fc.asyncProperty(
        day,
        beginning,
        fc.array(made, { minLength: 5, maxLength: 40, size: "max" }),
        (date, first, rest) =>
          run(date, [
            ...first.map((each) => ({ step: each, who: operator })),
            ...rest.flatMap(({ step: each, callers }) =>
              alone(each).map((one, index) => ({ step: one, who: callers[index] ?? operator })),
            ),
          ]),
      ),
      {
        endOnFailure: true,
        seed: SEED,
        numRuns: perRun(12, 3000),
        interruptAfterTimeLimit: perRun(120_000, 1_800_000),
      },
    );
  });
});
