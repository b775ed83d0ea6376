import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createShares } from "../../src/client/shares.ts";

/** Shares whose resources say when they are opened and closed, and fail or wait when the test says so. */
function startShares() {
  const events: string[] = [];
  const faults = { open: undefined as Error | undefined, close: undefined as Error | undefined };
  const gates = { close: Promise.resolve() };
  const join = createShares(async (key) => {
    events.push(`open ${key}`);
    if (faults.open !== undefined) throw faults.open;
    return {
      key,
      async [Symbol.asyncDispose]() {
        events.push(`close ${key}`);
        await gates.close;
        if (faults.close !== undefined) throw faults.close;
        events.push(`closed ${key}`);
      },
    };
  });
  return { events, faults, gates, join };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a shared resource", () => {
  it("is opened by its first user and closed by its last, separately for each key", async () => {
    const { events, join } = startShares();
    const [first, second, other] = await Promise.all([join("a"), join("a"), join("b")]);
    const third = await join("a");
    assert.ok(first.resource === second.resource && second.resource === third.resource);
    assert.equal(other.resource.key, "b");
    await first.leave();
    await third.leave();
    assert.deepEqual(events, ["open a", "open b"]);
    await second.leave();
    assert.deepEqual(events, ["open a", "open b", "close a", "closed a"]);
    await other.leave();
    assert.deepEqual(events.slice(4), ["close b", "closed b"]);
  });

  it("is opened again only after it was closed, if users come while it is being closed", async () => {
    const { events, gates, join } = startShares();
    const first = await join("a");
    const gate = Promise.withResolvers<void>();
    gates.close = gate.promise;
    const left = first.leave();
    const joining = [join("a"), join("a")];
    await settled();
    assert.deepEqual(events, ["open a", "close a"]);
    gate.resolve();
    await left;
    const [second, third] = await Promise.all(joining);
    assert.deepEqual(events, ["open a", "close a", "closed a", "open a"]);
    assert.ok(second !== undefined && second.resource === third?.resource);
    assert.notEqual(second.resource, first.resource);
    await Promise.all([second.leave(), third.leave()]);
    await join("a");
    assert.deepEqual(events.slice(4), ["close a", "closed a", "open a"]);
  });

  it("is opened again after a failure, and each of its users gets the error", async () => {
    const { events, faults, join } = startShares();
    faults.open = new Error("locked");
    const joining = [join("a"), join("a")];
    for (const each of joining) await assert.rejects(each, faults.open);
    faults.open = undefined;
    const { leave } = await join("a");
    await leave();
    assert.deepEqual(events, ["open a", "open a", "close a", "closed a"]);
  });

  it("reports an error of its close to the user who closed it, and not to the one who waits", async () => {
    const { faults, gates, join } = startShares();
    const { leave } = await join("a");
    const gate = Promise.withResolvers<void>();
    gates.close = gate.promise;
    faults.close = new Error("the disk is full");
    const left = assert.rejects(leave(), faults.close);
    const joining = join("a");
    gate.resolve();
    await left;
    assert.equal((await joining).resource.key, "a");
  });
});
