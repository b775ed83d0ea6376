import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Failure } from "../../src/domain/errors.ts";
import { createBucket } from "../../src/server/keys/bucket.ts";
import { createGuesses, networkOf } from "../../src/server/keys/guesses.ts";
import { createKeyLimits, NO_LIMITS } from "../../src/server/keys/key-limits.ts";

/** A clock that the test sets. */
const clock = () => {
  const time = { ms: 1_000_000, now: () => time.ms };
  return time;
};

function refusalOf(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    assert.ok(thrown instanceof Failure);
    return thrown.error;
  }
  return undefined;
}

suite("A bucket", () => {
  test("gives as many tokens as it has, and then one for each span of its rate", () => {
    const bucket = createBucket({ perSecond: 4, atOnce: 3 }, 0);
    assert.deepEqual(
      [0, 0, 0, 0].map((ms) => bucket.take(ms)),
      [true, true, true, false],
    );
    assert.equal(bucket.waitMs(0), 250);
    assert.equal(bucket.take(249), false);
    assert.equal(bucket.waitMs(249), 1);
    assert.equal(bucket.take(250), true);
    assert.equal(bucket.take(250), false);
  });

  test("holds no more than it may give at once, however long it rests", () => {
    const bucket = createBucket({ perSecond: 4, atOnce: 3 }, 0);
    const taken = Array.from({ length: 10 }, () => bucket.take(1_000_000)).filter(Boolean);
    assert.equal(taken.length, 3);
  });

  test("says to wait exactly until the next token", () => {
    const bucket = createBucket({ perSecond: 3, atOnce: 1 }, 0);
    assert.equal(bucket.take(0), true);
    const waitMs = bucket.waitMs(0);
    assert.equal(bucket.take(waitMs - 1), false);
    assert.equal(bucket.take(waitMs), true);
  });
});

suite("The limits of a key", () => {
  test("admit as many calls a second as they say, and then tell when the next may begin", () => {
    const time = clock();
    const limits = createKeyLimits({ callsPerSecondMax: 2, callsInFlightMax: undefined }, time.now);
    limits.begin();
    limits.begin();
    assert.deepEqual(
      refusalOf(() => limits.begin()),
      { reason: "RATE_EXCEEDED", callsPerSecondMax: 2, retryAfterMs: 500 },
    );
    time.ms += 500;
    limits.begin();
    assert.ok(refusalOf(() => limits.begin()));
  });

  test("admit as many calls in flight as they say, and count the end of a call once", () => {
    const limits = createKeyLimits({ callsPerSecondMax: undefined, callsInFlightMax: 2 }, clock().now);
    const first = limits.begin();
    limits.begin();
    assert.deepEqual(
      refusalOf(() => limits.begin()),
      { reason: "RATE_EXCEEDED", callsInFlightMax: 2, retryAfterMs: 100 },
    );
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    limits.begin();
    assert.ok(refusalOf(() => limits.begin()));
  });

  test("do not count a call that was refused", () => {
    const time = clock();
    const limits = createKeyLimits({ callsPerSecondMax: 1, callsInFlightMax: 1 }, time.now);
    const first = limits.begin();
    time.ms += 1000;
    // Neither of these may use up the token of this second.
    for (let refused = 0; refused < 3; refused++) assert.ok(refusalOf(() => limits.begin()));
    first[Symbol.dispose]();
    limits.begin();
  });

  test("are none for a key without limits", () => {
    const key = { callsPerSecondMax: undefined, callsInFlightMax: undefined };
    assert.equal(createKeyLimits(key, clock().now), NO_LIMITS);
  });
});

suite("Guesses", () => {
  const ADDRESS = "192.0.2.1";

  test("are limited to 100 at once and 10 more a second, for each address", () => {
    const time = clock();
    const guesses = createGuesses(time.now);
    for (let guess = 0; guess < 100; guess++) {
      guesses.check(ADDRESS);
      guesses.count(ADDRESS);
    }
    const refused = { reason: "RATE_EXCEEDED", invalidKeysMax: 100, retryAfterMs: 100 };
    assert.deepEqual(
      refusalOf(() => guesses.check(ADDRESS)),
      refused,
    );
    guesses.check("192.0.2.2");
    time.ms += 100;
    guesses.check(ADDRESS);
    guesses.count(ADDRESS);
    assert.deepEqual(
      refusalOf(() => guesses.check(ADDRESS)),
      refused,
    );
  });

  test("that were made at the same time are all paid for, for up to a minute", () => {
    const time = clock();
    const guesses = createGuesses(time.now);
    const atOnce = (number: number): unknown => {
      for (let guess = 0; guess < number; guess++) guesses.check(ADDRESS);
      for (let guess = 0; guess < number; guess++) guesses.count(ADDRESS);
      return refusalOf(() => guesses.check(ADDRESS));
    };
    const refused = { reason: "RATE_EXCEEDED", invalidKeysMax: 100 };
    assert.deepEqual(atOnce(300), { ...refused, retryAfterMs: 20_100 });
    time.ms += 20_100;
    assert.deepEqual(atOnce(5000), { ...refused, retryAfterMs: 60_100 });
  });

  const networks: [string, string, string][] = [
    ["192.0.2.7", "192.0.2.7", "an IPv4 address"],
    ["::ffff:192.0.2.7", "192.0.2.7", "an IPv4 address as a socket of both families has it"],
    ["::FFFF:192.0.2.7", "192.0.2.7", "the same in upper case"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2", "a whole IPv6 address"],
    ["2001:db8:1:2::", "2001:db8:1:2", "an IPv6 address that ends in zeros"],
    ["2001:0db8:0001:0002::9", "2001:db8:1:2", "an IPv6 address with leading zeros"],
    ["2001:DB8:1:2::9", "2001:db8:1:2", "an IPv6 address in upper case"],
    ["2001:db8::1", "2001:db8:0:0", "an IPv6 address with zeros in its first half"],
    ["2001:db8::2:3:4:5:6", "2001:db8:0:2", "an IPv6 address with one zero"],
    ["::1", "0:0:0:0", "loopback"],
    ["::", "0:0:0:0", "any address"],
    ["fe80::1%eth0", "fe80:0:0:0", "an address of a link, with its interface"],
    ["", "", "a caller without an address"],
  ];
  for (const [address, network, what] of networks)
    test(`count ${what} as ${network}`, () => assert.equal(networkOf(address), network));
});
