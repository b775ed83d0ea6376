import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { createFeed } from "../../../src/engine/read/feed.ts";

const SEND_INTERVAL_MS = 50;
/** PostgreSQL accepts payloads of NOTIFY of less than 8000 bytes. */
const PAYLOAD_BYTES_MAX = 7_999;

const named = (user: string) => ({ project: "p", user });
const users = (count: number) => Array.from({ length: count }, (_, n) => named(`user-${n}`));

/** A feed that records its payloads. */
function recorded() {
  const sent: string[] = [];
  return { feed: createFeed((payload) => sent.push(payload)), sent };
}

/** Counts the calls for one budget. */
function counted(feed: ReturnType<typeof createFeed>, user: string) {
  const counter = { calls: 0 };
  return Object.assign(
    counter,
    feed.watch(named(user), () => void counter.calls++),
  );
}

describe("the feed", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  it("calls the watchers of a changed budget on this server at once, and no others", () => {
    const { feed } = recorded();
    const [first, second, other] = [counted(feed, "alice"), counted(feed, "alice"), counted(feed, "bob")];
    feed.changed([named("alice")]);
    assert.deepEqual([first.calls, second.calls, other.calls], [1, 1, 0]);
    feed.changed([named("carol"), { project: "q", user: "alice" }]);
    assert.deepEqual([first.calls, second.calls, other.calls], [1, 1, 0]);
  });

  it("calls a watcher until it is disposed, and counts each watcher once", () => {
    const { feed } = recorded();
    const [first, second] = [counted(feed, "alice"), counted(feed, "alice")];
    assert.equal(feed.watchers, 2);
    for (let times = 0; times < 2; times++) first[Symbol.dispose]();
    assert.equal(feed.watchers, 1);
    feed.changed([named("alice")]);
    assert.deepEqual([first.calls, second.calls], [0, 1]);
    second[Symbol.dispose]();
    feed.received("*");
    assert.deepEqual([feed.watchers, second.calls], [0, 1]);
    assert.equal(counted(feed, "alice").calls, 0);
    assert.equal(feed.watchers, 1);
  });

  it("sends the changes of 50 ms as one payload, each budget once", () => {
    const { feed, sent } = recorded();
    feed.changed([named("alice"), named("bob")]);
    mock.timers.tick(SEND_INTERVAL_MS - 1);
    feed.changed([named("alice")]);
    assert.equal(sent.shift(), undefined);
    mock.timers.tick(1);
    const tags = sent.shift()?.split(",") ?? [];
    assert.deepEqual(
      tags.map((tag) => tag.length),
      [8, 8],
    );
    mock.timers.tick(10 * SEND_INTERVAL_MS);
    assert.equal(sent.shift(), undefined);
    feed.changed([named("bob")]);
    mock.timers.tick(SEND_INTERVAL_MS);
    assert.equal(sent.shift(), tags[1]);
  });

  it("sends nothing when nothing changed, nor after its disposal", () => {
    const { feed, sent } = recorded();
    feed.changed([]);
    mock.timers.tick(SEND_INTERVAL_MS);
    feed.changed([named("alice")]);
    feed[Symbol.dispose]();
    mock.timers.tick(SEND_INTERVAL_MS);
    assert.deepEqual(sent, []);
  });

  it("calls the watchers of another server for the budgets in a payload, and no others", () => {
    const here = recorded();
    const there = createFeed(() => assert.fail("a server sends a received change again"));
    const [alice, bob] = [counted(there, "alice"), counted(there, "bob")];
    here.feed.changed([named("carol"), named("alice"), named("dave")]);
    mock.timers.tick(SEND_INTERVAL_MS);
    there.received(here.sent[0] ?? "");
    mock.timers.tick(SEND_INTERVAL_MS);
    assert.deepEqual([alice.calls, bob.calls], [1, 0]);
  });

  it("names up to 800 budgets in a payload, and calls all watchers if more have changed", () => {
    const here = recorded();
    const there = recorded().feed;
    const [named800, unnamed] = [counted(there, "user-799"), counted(there, "nobody")];
    here.feed.changed(users(800));
    mock.timers.tick(SEND_INTERVAL_MS);
    there.received(here.sent[0] ?? "");
    assert.equal(here.sent[0]?.split(",").length, 800);
    assert.ok(Buffer.byteLength(here.sent[0] ?? "") <= PAYLOAD_BYTES_MAX);
    assert.deepEqual([named800.calls, unnamed.calls], [1, 0]);

    for (const name of users(801)) here.feed.changed([name]);
    mock.timers.tick(SEND_INTERVAL_MS);
    there.received(here.sent[1] ?? "");
    assert.equal(here.sent[1], "*");
    assert.deepEqual([named800.calls, unnamed.calls], [2, 1]);

    here.feed.changed([named("alice")]);
    mock.timers.tick(SEND_INTERVAL_MS);
    assert.match(here.sent[2] ?? "", /^[\w-]{8}$/);
  });
});
