import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { AuditedChange } from "../../src/domain/audit.ts";
import { type AuditFilter, listAuditEntries, writeAuditEntry } from "../../src/store/audit.ts";
import { type Inside, startInside } from "../support/engine.ts";

const changeOf = (changes: Partial<AuditedChange> & { auditId?: string }) => ({
  project: "p",
  createdAtUs: 1n,
  actor: "local",
  action: "UPDATE_BUDGET" as const,
  subject: "alice",
  before: { total_budget_nano_usd: "1" },
  after: { total_budget_nano_usd: "2" },
  ...changes,
});

describe("the table of audit entries", () => {
  let inside: Inside;
  before(async () => {
    inside = await startInside();
    const { kysely } = inside;
    await writeAuditEntry(kysely, changeOf({ auditId: "1", createdAtUs: 10n }));
    await writeAuditEntry(kysely, changeOf({ auditId: "3", createdAtUs: 20n, subject: "bob" }));
    await writeAuditEntry(kysely, changeOf({ auditId: "2", createdAtUs: 20n, actor: "key:1" }));
    await writeAuditEntry(
      kysely,
      changeOf({ auditId: "0", createdAtUs: 30n, actor: "key:1", subject: "bob" }),
    );
    await writeAuditEntry(kysely, changeOf({ auditId: "other", project: "q", createdAtUs: 20n }));
    await writeAuditEntry(kysely, changeOf({ auditId: "operator", project: "", createdAtUs: 20n }));
  });
  after(() => inside[Symbol.asyncDispose]());

  const list = async (filter: Partial<AuditFilter> = {}): Promise<string[]> => {
    const every = { subject: undefined, actor: undefined, startUs: undefined, endUs: undefined };
    const page = { project: "p", ...every, before: undefined, limit: 100, ...filter };
    return (await listAuditEntries(inside.kysely, page)).map(({ auditId }) => auditId);
  };

  it("lists one project, newest first, and by id at one instant", async () => {
    assert.deepEqual(await list(), ["0", "3", "2", "1"]);
    assert.deepEqual(await list({ project: "q" }), ["other"]);
    assert.deepEqual(await list({ project: "" }), ["operator"]);
    assert.deepEqual(await list({ project: "r" }), []);
  });

  const filters: [Partial<AuditFilter>, string[]][] = [
    [{ subject: "bob" }, ["0", "3"]],
    [{ actor: "key:1" }, ["0", "2"]],
    [{ subject: "bob", actor: "key:1" }, ["0"]],
    [{ startUs: 20n }, ["0", "3", "2"]],
    [{ endUs: 20n }, ["1"]],
    [{ startUs: 10n, endUs: 30n, subject: "alice" }, ["2", "1"]],
    [{ limit: 2 }, ["0", "3"]],
    [{ before: { createdAtUs: 20n, auditId: "3" } }, ["2", "1"]],
    [{ before: { createdAtUs: 20n, auditId: "2" }, limit: 1 }, ["1"]],
    [{ before: { createdAtUs: 10n, auditId: "1" } }, []],
  ];
  for (const [filter, ids] of filters) {
    const text = JSON.stringify(filter, (_, value: unknown) =>
      typeof value === "bigint" ? Number(value) : value,
    );
    it(`lists ${ids.length} with ${text}`, async () => assert.deepEqual(await list(filter), ids));
  }

  it("keeps every value, and an absent one apart from an empty one", async () => {
    const project = "values";
    const least = { createdAtUs: -62_135_596_800_000_000n, before: undefined, after: {} };
    const most = { createdAtUs: 253_402_300_799_999_999n, before: { "": [null, "é💰"] }, after: undefined };
    const changes = [
      changeOf({ project, auditId: "a", action: "CREATE_KEY", subject: "é💰", ...least }),
      changeOf({ project, auditId: "b", action: "REVOKE_KEY", actor: "", ...most }),
    ];
    for (const change of changes) await writeAuditEntry(inside.kysely, change);
    const every = { subject: undefined, actor: undefined, startUs: undefined, endUs: undefined };
    const page = { project, ...every, before: undefined, limit: 100 };
    assert.deepEqual(await listAuditEntries(inside.kysely, page), changes.toReversed());
  });

  it("keeps the first entry with an id, and makes an id if none is given", async () => {
    const project = "ids";
    await writeAuditEntry(inside.kysely, changeOf({ project, auditId: "a" }));
    await writeAuditEntry(inside.kysely, changeOf({ project, auditId: "a", createdAtUs: 99n }));
    assert.deepEqual(await list({ project, endUs: 99n }), ["a"]);
    assert.deepEqual(await list({ project }), ["a"]);
    await writeAuditEntry(inside.kysely, changeOf({ project }));
    await writeAuditEntry(inside.kysely, changeOf({ project }));
    assert.equal((await list({ project })).length, 3);
  });
});
