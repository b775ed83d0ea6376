import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Budget, type PeriodSchema, PeriodUnit } from "../../gen/es/budget/v1/budget_pb.ts";
import { budgetIn, charge, suiteForEach } from "../support/api.ts";

/** test/domain and test/property test the calendar itself; these tests show that a budget follows it. */

const instant = (timestamp: Timestamp | undefined): Temporal.Instant => {
  assert.ok(timestamp !== undefined);
  return new Temporal.Instant(timestamp.seconds * 1_000_000_000n + BigInt(timestamp.nanos));
};

/** A budget's period as the wall clock of its time zone shows it. */
const wall = (budget: Budget, timeZone: string) =>
  [budget.periodStart, budget.periodEnd].map((bound) =>
    instant(bound).toZonedDateTimeISO(timeZone).toPlainDateTime().toString(),
  );

suiteForEach("A budget's calendar", {}, (api) => {
  const create = (period: MessageInitShape<typeof PeriodSchema>) =>
    budgetIn(api.client.createBudget({ ...api.newName(), totalBudgetNanoUsd: 9n, period }));

  test("supports months that begin on the 1st, at midnight in New York", async () => {
    const timeZone = "America/New_York";
    const anchor = timestampFromDate(new Date("2024-01-01T05:00:00Z"));
    const budget = await create({ unit: PeriodUnit.MONTH, count: 1, anchor, timeZone });
    const month = instant(budget.createTime).toZonedDateTimeISO(timeZone).toPlainDate().with({ day: 1 });
    assert.deepEqual(
      wall(budget, timeZone),
      [month, month.add({ months: 1 })].map((day) => `${day.toString()}T00:00:00`),
    );
    assert.deepEqual(budget.period?.anchor, anchor);
  });

  test("supports weeks that begin on Monday", async () => {
    const anchor = timestampFromDate(new Date("2024-01-01T00:00:00Z"));
    const budget = await create({ unit: PeriodUnit.WEEK, count: 1, anchor });
    const start = instant(budget.periodStart).toZonedDateTimeISO("UTC");
    assert.equal(start.dayOfWeek, 1);
    assert.equal(budget.period?.timeZone, "UTC");
  });

  test("supports years from an anchor in the future; a period has begun already", async () => {
    const anchor = timestampFromDate(new Date("2999-07-01T00:00:00Z"));
    const budget = await create({ unit: PeriodUnit.YEAR, count: 1, anchor });
    const [start] = wall(budget, "UTC");
    assert.match(start ?? "", /^20\d\d-07-01T00:00:00$/);
    assert.ok(Temporal.Instant.compare(instant(budget.periodStart), instant(budget.createTime)) <= 0);
  });

  test("supports the longest period", async () => {
    const budget = await create({ unit: PeriodUnit.YEAR, count: 1000 });
    const [start, end] = [instant(budget.periodStart), instant(budget.periodEnd)].map((bound) =>
      bound.toZonedDateTimeISO("UTC"),
    );
    assert.equal((end?.year ?? 0) - (start?.year ?? 0), 1000);
  });

  test("supports anchors at both ends of time", async () => {
    for (const anchor of ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]) {
      const timestamp = timestampFromDate(new Date(anchor));
      const budget = await create({ unit: PeriodUnit.DAY, count: 1, anchor: timestamp });
      assert.deepEqual(budget.period?.anchor, timestamp);
      assert.deepEqual(
        await budgetIn(api.client.getBudget({ project: budget.project, user: budget.user })),
        budget,
      );
    }
  });

  test("keeps an anchor's microseconds, and drops finer fractions", async () => {
    const anchor = { seconds: 1_700_000_000n, nanos: 123_456_789 };
    const { period } = await create({ unit: PeriodUnit.DAY, count: 1, anchor });
    assert.equal(period?.anchor?.nanos, 123_456_000);
  });
});

suiteForEach("UpdateBudget with a period", {}, (api) => {
  const newBudget = async () => {
    const name = api.newName();
    const period = { unit: PeriodUnit.DAY, count: 1 };
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 10n, period });
    await charge(api, name, 4n);
    return name;
  };
  const updateMask = { paths: ["period"] };

  test("keeps the spending and the start of the period, which then ends with the new window", async () => {
    const name = await newBudget();
    const before = await budgetIn(api.client.getBudget(name));
    const anchor = timestampFromDate(new Date("2024-01-01T00:00:00Z"));
    const period = { unit: PeriodUnit.YEAR, count: 1, anchor };
    const after = await budgetIn(api.client.updateBudget({ ...name, updateMask, period }));
    assert.equal(after.spentNanoUsd, 4n);
    assert.deepEqual(after.periodStart, before.periodStart);
    const year = instant(after.updateTime).toZonedDateTimeISO("UTC").year;
    assert.equal(wall(after, "UTC")[1], `${year + 1}-01-01T00:00:00`);
    assert.deepEqual((await api.client.listPeriods(name)).periods, []);
  });

  test("removes the period if the request has none, so that the budget never resets", async () => {
    const name = await newBudget();
    const after = await budgetIn(api.client.updateBudget({ ...name, updateMask }));
    assert.equal(after.period, undefined);
    assert.equal(after.periodEnd, undefined);
    await api.server.age(name, "10 years");
    assert.equal((await budgetIn(api.client.getBudget(name))).spentNanoUsd, 4n);
  });

  test("adds a period to a budget without one, anchored at the change", async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 10n });
    const period = { unit: PeriodUnit.WEEK, count: 2 };
    const after = await budgetIn(api.client.updateBudget({ ...name, updateMask, period }));
    assert.deepEqual(after.period?.anchor, after.updateTime);
    await charge(api, name, 4n);
    await api.server.age(name, "15 days");
    assert.equal((await budgetIn(api.client.getBudget(name))).spentNanoUsd, 0n);
  });
});
