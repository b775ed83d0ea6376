import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createAncestry } from "../../../src/engine/commit/ancestry.ts";
import { createOf } from "../../support/decisions.ts";
import { startInside } from "../../support/engine.ts";

describe("the cache of ancestors", () => {
  it("has the ancestors of the budgets that were refreshed, nearest first, until they have others or none", async () => {
    await using inside = await startInside();
    const { engine, store } = inside;
    const tree: [string, string | undefined][] = [
      ["org", undefined],
      ["team", "org"],
      ["alice", "team"],
      ["bob", "team"],
    ];
    for (const [user, parent] of tree) assert.ok((await engine.submit(createOf({ user, parent }))).ok);
    const ancestry = createAncestry(store);
    const of = (user: string, project = "p") => ancestry.of({ project, user });
    const refresh = (...users: string[]) => ancestry.refresh(users.map((user) => ({ project: "p", user })));
    assert.deepEqual(of("alice"), []);
    await refresh("alice", "org", "nobody");
    assert.deepEqual(
      ["alice", "bob", "org", "nobody"].map((user) => of(user)),
      [["team", "org"], [], [], []],
    );
    assert.deepEqual(of("alice", "q"), []);

    const move = (parent: string | undefined) =>
      engine.submit({ kind: "update", project: "p", user: "alice", change: { parent }, actor: "test" });
    await move("org");
    assert.deepEqual(of("alice"), ["team", "org"], "the cache is a hint");
    await refresh("alice");
    assert.deepEqual(of("alice"), ["org"]);
    await move(undefined);
    await refresh("alice");
    assert.deepEqual(of("alice"), []);
  });
});
