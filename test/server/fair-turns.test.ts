import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createFairTurns, projectOf, SHARED_MS, STEPS_MAX } from "../../src/server/fair-turns.ts";

function turnsAt(clock: { nowMs: number }) {
  const turns = createFairTurns(() => clock.nowMs);
  const gone: string[] = [];
  /** Asks for a turn. @returns Whether the project has to wait for it. */
  const ask = (project: string): boolean => {
    const wait = turns.turn(project);
    void wait?.then(() => gone.push(project));
    return wait !== undefined;
  };
  return { turns, gone, ask };
}

describe("the turns of calls", () => {
  it("do not delay a project that calls alone", () => {
    const { ask } = turnsAt({ nowMs: 0 });
    for (let call = 0; call < 1_000; call++) assert.equal(ask("loud"), false);
  });

  it("let a quiet project overtake the calls of a loud one, and do few steps in one turn of the event loop", async () => {
    const { gone, ask } = turnsAt({ nowMs: 0 });
    ask("quiet");
    for (let call = 0; call < 1_000; call++) assert.equal(ask("loud"), true);
    assert.equal(ask("quiet"), true);
    await turn();
    assert.equal(gone.length, STEPS_MAX);
    assert.equal(gone.indexOf("quiet"), 1);
    for (let turns = 0; gone.length < 1_001; turns++) {
      await turn();
      assert.ok(turns < 1_000);
    }
    assert.equal(gone.length, 1_001);
  });

  it("last for a while after the calls of another project", async () => {
    const clock = { nowMs: 0 };
    const { gone, ask } = turnsAt(clock);
    ask("quiet");
    assert.equal(ask("loud"), true);
    await turn();
    clock.nowMs = SHARED_MS - 1;
    assert.equal(ask("loud"), true);
    await turn();
    clock.nowMs = SHARED_MS;
    assert.equal(ask("loud"), false);
    assert.deepEqual(gone, ["loud", "loud"]);
  });

  it("give a call two turns, and its answer or its error", async () => {
    const { turns, ask } = turnsAt({ nowMs: 0 });
    ask("quiet");
    assert.equal(await turns.run("loud", async () => "answer"), "answer");
    await assert.rejects(
      turns.run("loud", () => Promise.reject(new Error("refused"))),
      /refused/,
    );
  });

  it("count a batch as a call of its first project", () => {
    assert.equal(projectOf({ project: "p" }), "p");
    assert.equal(projectOf({ requests: [{ project: "q" }, { project: "r" }] }), "q");
    assert.equal(projectOf({}), "");
  });
});
