import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { sql } from "kysely";
import { Failure } from "../../src/domain/errors.ts";
import type { Key } from "../../src/domain/key.ts";
import { type Credentials, createCredentials } from "../../src/server/keys/credentials.ts";
import { createGuesses } from "../../src/server/keys/guesses.ts";
import { createKeyRing, type KeyRing } from "../../src/server/keys/key-ring.ts";
import { hashOf, makeSecret, prefixOf } from "../../src/server/keys/secret.ts";
import { insertKey } from "../../src/store/keys.ts";
import type { Store } from "../../src/store/store.ts";
import { type Inside, startInside } from "../support/engine.ts";

/** What a key ring and the credentials need, with a clock that the test sets, and a store that counts and can be held up. */
interface Bench {
  readonly time: { ms: number };
  readonly ring: KeyRing;
  readonly credentials: Credentials;
  /** Statements that read, so far. */
  readonly reads: () => number;
  /** Resolves when the database has answered all of them, even if the answers are held up. */
  readonly answered: () => Promise<void>;
  /** From now on, answers of the database arrive only when the result is called. */
  readonly holdUp: () => () => void;
}

suite("The keys that a server has read", () => {
  let inside: Inside;
  before(async () => {
    inside = await startInside();
  });
  after(() => inside[Symbol.asyncDispose]());

  const begin = (): Bench => {
    const time = { ms: 1_000_000 };
    let reads = 0;
    let answers = 0;
    let held = Promise.resolve();
    const store: Store = {
      ...inside.store,
      read: async (work) => {
        reads++;
        const wait = held;
        const result = await inside.store.read(work);
        answers++;
        await wait;
        return result;
      },
    };
    const ring = createKeyRing(store, () => time.ms);
    const credentials = createCredentials({
      ring,
      guesses: createGuesses(() => time.ms),
      operatorKey: undefined,
      tokens: undefined,
      acceptsCertificates: false,
    });
    return {
      time,
      ring,
      credentials,
      reads: () => reads,
      async answered() {
        // The ring begins to read in the next turn of the event loop.
        await nextTurn();
        while (answers < reads) await nextTurn();
      },
      holdUp() {
        const { promise, resolve } = Promise.withResolvers<void>();
        held = promise;
        return resolve;
      },
    };
  };

  let keys = 0;
  const store = async (
    change: Partial<Key> = {},
  ): Promise<{ secret: string; hash: string; keyId: string }> => {
    const secret = makeSecret();
    const secretHash = hashOf(secret);
    const keyId = `key-${++keys}`;
    const key: Key = {
      project: "p",
      keyId,
      secretHash,
      prefix: prefixOf(secret),
      name: "a key",
      role: "READER",
      user: undefined,
      callsPerSecondMax: undefined,
      callsInFlightMax: undefined,
      createdAtUs: 1n,
      creator: "test",
      expiresAtUs: undefined,
      revokedAtUs: undefined,
      usedAtUs: undefined,
      ...change,
    };
    await inside.store.write((connection) => insertKey(connection, key));
    return { secret, hash: secretHash, keyId };
  };
  /** As another server does it. */
  const revoke = (keyId: string) =>
    sql`update keys set revoked_at = clock_timestamp() where key_id = ${keyId}`.execute(inside.kysely);
  const works = async (ring: KeyRing, hash: string): Promise<boolean> =>
    (await ring.find(hash))?.isUsable() === true;

  test("are read once for all calls of a second", async () => {
    const { ring, time, reads } = begin();
    const { hash } = await store();
    assert.equal(await works(ring, hash), true);
    time.ms += 999;
    for (let call = 0; call < 10; call++) assert.ok(!(ring.find(hash) instanceof Promise));
    assert.equal(reads(), 1);
  });

  test("are read again beside the calls after a second, and before the call after 3 seconds", async () => {
    const { ring, time, reads, holdUp } = begin();
    const { hash } = await store();
    await works(ring, hash);
    time.ms += 1000;
    const letGo = holdUp();
    for (let call = 0; call < 10; call++) assert.ok(!(ring.find(hash) instanceof Promise));
    time.ms += 2000;
    const found = ring.find(hash);
    assert.ok(found instanceof Promise);
    letGo();
    await found;
    assert.equal(reads(), 2);
  });

  test("do not work 3 seconds after another server has revoked them", async () => {
    const { ring, time } = begin();
    const { hash, keyId } = await store();
    assert.equal(await works(ring, hash), true);
    await revoke(keyId);
    time.ms += 2999;
    assert.equal(await works(ring, hash), true);
    time.ms += 1;
    assert.equal(await works(ring, hash), false);
  });

  test("are as old as the question to the database, however late the answer comes", async () => {
    const { ring, time, holdUp, answered } = begin();
    const { hash, keyId } = await store();
    const letGo = holdUp();
    const found = ring.find(hash);
    await answered();
    await revoke(keyId);
    time.ms += 4000;
    letGo();
    await found;
    assert.equal(await works(ring, hash), false);
  });

  test("do not work any more when this server has revoked them, even if they were just being read", async () => {
    const { ring, time, holdUp, answered } = begin();
    const { hash, keyId } = await store();
    await works(ring, hash);
    time.ms += 1500;
    const letGo = holdUp();
    // Reads the key again beside the call.
    assert.equal(await works(ring, hash), true);
    await answered();
    await revoke(keyId);
    ring.changed();
    letGo();
    assert.equal(await works(ring, hash), false);
    assert.equal(await works(ring, hash), false);
  });

  test("stop working at the instant of their expiry or revocation, by the database's clock", async () => {
    for (const column of ["expires_at", "revoked_at"]) {
      const { ring, time } = begin();
      const { hash, keyId } = await store();
      await sql`update keys set ${sql.ref(column)} = clock_timestamp() + interval '600 ms'
        where key_id = ${keyId}`.execute(inside.kysely);
      assert.equal(await works(ring, hash), true);
      time.ms += 600;
      assert.equal(await works(ring, hash), false);
    }
  });

  test("keep their limits when they are read again", async () => {
    const { ring, time } = begin();
    const { hash } = await store({ callsInFlightMax: 1 });
    const first = await ring.find(hash);
    first?.limits.begin();
    time.ms += 5000;
    const again = await ring.find(hash);
    assert.throws(() => again?.limits.begin(), Failure);
  });

  test("are noted as used once an hour", async () => {
    const { ring, time } = begin();
    const { hash, keyId } = await store();
    const usedAt = async (): Promise<bigint | null> => {
      const { rows } = await sql<{ used_at: bigint | null }>`
        select used_at from keys where key_id = ${keyId}`.execute(inside.kysely);
      return rows[0]?.used_at ?? null;
    };
    await works(ring, hash);
    // The note is written in the next turn of the event loop.
    while ((await usedAt()) === null) await nextTurn();
    const noted = await usedAt();
    assert.equal((noted ?? 1n) % 3_600_000_000n, 0n);
    time.ms += 5000;
    await works(ring, hash);
    assert.equal(await usedAt(), noted);
  });

  test("are asked for by one statement when many callers ask whether there are any", async () => {
    const { ring, reads } = begin();
    await store();
    await Promise.all(Array.from({ length: 50 }, async () => ring.hasKeys()));
    assert.equal(reads(), 1);
    assert.equal(ring.hasKeys(), true);
  });

  const asking = (authorization: string, address = "192.0.2.1") => ({
    isLocal: false,
    address,
    header: (name: string) => (name === "authorization" ? authorization : undefined),
    certificate: () => undefined,
  });
  const admit = async ({ credentials }: Bench, header: string, address?: string): Promise<string> => {
    try {
      const { caller } = await credentials.admit(asking(header, address));
      return caller.kind;
    } catch (thrown) {
      assert.ok(thrown instanceof Failure);
      return thrown.error.reason;
    }
  };

  test("are not looked for when a key is malformed or of another scheme", async () => {
    const bench = begin();
    const secret = makeSecret();
    const malformed = [
      "",
      "Bearer",
      "Bearer ",
      "Bearer pk_short",
      `Bearer ${secret}x`,
      `Bearer ${secret.slice(0, -1)}`,
      `Bearer PK${secret.slice(2)}`,
      `Bearer ${secret.slice(0, -1)}*`,
      `Bearer ${secret} ${secret}`,
      `Bearer ${secret}, Bearer ${secret}`,
      `Bearer\n${secret}`,
      `Basic ${Buffer.from(secret).toString("base64")}`,
      `Token ${secret}`,
      secret,
      "Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
      `Bearer ${"x".repeat(10_000)}`,
    ];
    for (const header of malformed) assert.equal(await admit(bench, header), "KEY_INVALID", header);
    assert.equal(bench.reads(), 0);
  });

  test("let a known key go on when its address has guessed too often", async () => {
    const bench = begin();
    const { secret } = await store();
    assert.equal(await admit(bench, `Bearer ${secret}`), "key");
    const last = makeSecret();
    for (let guess = 0; guess < 99; guess++)
      assert.equal(await admit(bench, `Bearer ${makeSecret()}`), "KEY_INVALID");
    assert.equal(await admit(bench, `Bearer ${last}`), "KEY_INVALID");
    const reads = bench.reads();
    assert.equal(await admit(bench, `Bearer ${makeSecret()}`), "RATE_EXCEEDED");
    assert.equal(await admit(bench, `Bearer ${secret}`), "key");
    // The same wrong key again costs nothing.
    assert.equal(await admit(bench, `Bearer ${last}`), "KEY_INVALID");
    assert.equal(bench.reads(), reads);
    assert.equal(await admit(bench, `Bearer ${makeSecret()}`, "192.0.2.2"), "KEY_INVALID");
    bench.time.ms += 100;
    assert.equal(await admit(bench, `Bearer ${makeSecret()}`), "KEY_INVALID");
    assert.equal(await admit(bench, `Bearer ${makeSecret()}`), "RATE_EXCEEDED");
  });

  test("are looked for in few statements when many are guessed at the same time", async () => {
    const bench = begin();
    await Promise.all(Array.from({ length: 500 }, () => admit(bench, `Bearer ${makeSecret()}`)));
    assert.ok(bench.reads() <= 5, `${bench.reads()} statements`);
    assert.equal(await admit(bench, `Bearer ${makeSecret()}`), "RATE_EXCEEDED");
  });
});
