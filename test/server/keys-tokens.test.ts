import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import pino from "pino";
import { Failure } from "../../src/domain/errors.ts";
import type { Caller } from "../../src/server/caller.ts";
import { createCredentials } from "../../src/server/keys/credentials.ts";
import { createGuesses } from "../../src/server/keys/guesses.ts";
import type { KeyRing } from "../../src/server/keys/key-ring.ts";
import { createTokens } from "../../src/server/keys/tokens.ts";
import { EVERY_WAY } from "../support/api.ts";
import { type Issuer, startIssuer } from "../support/issuer.ts";
import { clientsWith, outcomeOf } from "../support/keys.ts";
import { makeStore, startTestServer } from "../support/server.ts";

const READER = { purser_role: "reader", purser_project: "p" };

const reasonOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return "ok";
  } catch (thrown) {
    assert.ok(thrown instanceof Failure);
    return thrown.error.reason;
  }
};

suite("JSON Web Tokens", () => {
  let issuer: Issuer;
  before(async () => {
    issuer = await startIssuer();
  });
  after(() => issuer[Symbol.asyncDispose]());

  const begin = () => {
    const time = { ms: 1_000_000 };
    const problems: unknown[] = [];
    const { jwksUrl, issuer: name, audience } = issuer;
    const options = { jwksUrl, issuer: name, audience, unknownKeyMs: 0 };
    const tokens = createTokens(
      options,
      () => time.ms,
      (error) => problems.push(error),
    );
    return { time, problems, tokens };
  };
  const verify = (token: string): Promise<Caller | undefined> => begin().tokens.verify(token);

  const accepted: [string, JWTPayload, Partial<Caller>][] = [
    ["a reader of a project", READER, { project: "p", user: undefined }],
    ["a role in upper case", { ...READER, purser_role: "SPENDER" }, { project: "p", user: undefined }],
    ["a spender of one user", { ...READER, purser_role: "spender", purser_user: "u" }, { user: "u" }],
    ["an admin", { ...READER, purser_role: "admin" }, { project: "p" }],
    ["an operator", { purser_role: "operator" }, { project: undefined, user: undefined }],
  ];
  for (const [what, claims, expected] of accepted) {
    test(`make ${what} a caller`, async () => {
      const caller = await verify(await issuer.sign(claims));
      assert.ok(caller !== undefined);
      const { kind, actor, keyId } = caller;
      assert.deepEqual([kind, actor, keyId], ["token", `token:${issuer.issuer} service`, undefined]);
      assert.deepEqual({ ...caller, ...expected }, caller);
    });
  }

  const refused: [string, JWTPayload][] = [
    ["no role", { purser_project: "p" }],
    ["an unknown role", { ...READER, purser_role: "root" }],
    ["a role that is no text", { ...READER, purser_role: ["admin"] }],
    ["no project", { purser_role: "reader" }],
    ["an empty project", { ...READER, purser_project: "" }],
    ["a project that is no text", { ...READER, purser_project: 1 }],
    ["a project with a control character", { ...READER, purser_project: "p\0" }],
    ["an operator of one project", { ...READER, purser_role: "operator" }],
    ["an operator of one user", { purser_role: "operator", purser_user: "u" }],
    ["an admin of one user", { ...READER, purser_role: "admin", purser_user: "u" }],
    ["an empty user", { ...READER, purser_user: "" }],
    ["no subject", { ...READER, sub: "" }],
    ["another issuer", { ...READER, iss: "https://other.example" }],
    ["another audience", { ...READER, aud: "other" }],
    ["a time before which it is not valid", { ...READER, nbf: Math.floor(Date.now() / 1000) + 600 }],
  ];
  for (const [what, claims] of refused)
    test(`with ${what} are refused`, async () => {
      assert.equal(await verify(await issuer.sign(claims)), undefined);
    });

  test("that are expired, or never expire, are refused", async () => {
    assert.equal(await verify(await issuer.sign(READER, { expires: 1 })), undefined);
    const forever = await issuer.sign({ ...READER, exp: undefined as never });
    assert.equal(await verify(forever), undefined);
  });

  test("that the issuer has not signed are refused", async () => {
    const claims = {
      ...READER,
      iss: issuer.issuer,
      aud: issuer.audience,
      sub: "s",
      exp: Math.floor(Date.now() / 1000) + 600,
    };
    const jwk = issuer.publicKey();
    const other = await generateKeyPair("ES256");
    const forged = [
      // The public key, which everybody knows, as a secret of a symmetric algorithm.
      await new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256", kid: jwk.kid ?? "" })
        .sign(new TextEncoder().encode(JSON.stringify(jwk))),
      new UnsecuredJWT(claims).encode(),
      await new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256", kid: jwk.kid ?? "" })
        .sign(other.privateKey),
      await new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "unknown" }).sign(other.privateKey),
      // The key that comes with the token is not the issuer's.
      await new SignJWT(claims).setProtectedHeader({ alg: "ES256", jwk }).sign(other.privateKey),
      (await issuer.sign(READER)).replace(/\.[^.]+$/, "."),
      (await issuer.sign(READER)).replace(/\.[^.]+\./, `.${Buffer.from("{}").toString("base64url")}.`),
      "a.b.c",
      "..",
      "x",
    ];
    for (const token of forged) assert.equal(await verify(token), undefined, token);
  });

  test("are verified again after a minute, and when they expire", async () => {
    const { tokens, time } = begin();
    const token = await issuer.sign(READER);
    await tokens.verify(token);
    time.ms += 59_999;
    assert.ok(tokens.known(token));
    time.ms += 1;
    assert.equal(tokens.known(token), undefined);
    const short = await issuer.sign(READER, { expires: Math.floor(Date.now() / 1000) + 5 });
    await tokens.verify(short);
    time.ms += 5_000;
    assert.equal(tokens.known(short), undefined);
  });

  test("of a new key are accepted, and those of the former key no longer", async () => {
    const { tokens } = begin();
    const former = await issuer.sign(READER);
    assert.ok(await tokens.verify(former));
    await issuer.rotate();
    assert.ok(await tokens.verify(await issuer.sign(READER)));
    assert.equal(await tokens.verify(former), undefined);
  });

  for (const mode of ["fails", "talks nonsense", "hangs up"] as const) {
    test(`are not refused as invalid while the issuer ${mode}, and work again after that`, async () => {
      const { tokens, problems, time } = begin();
      const token = await issuer.sign(READER);
      issuer.mode = mode;
      const before = issuer.requests;
      try {
        // Everybody can send a text that looks like a token, so the issuer is asked once a second only, and one line is logged.
        for (let call = 0; call < 5; call++)
          assert.equal(await reasonOf(tokens.verify(token)), "STORE_UNAVAILABLE");
        assert.equal(issuer.requests, before + 1);
        assert.equal(problems.length, 1);
        time.ms += 1000;
        assert.equal(await reasonOf(tokens.verify(token)), "STORE_UNAVAILABLE");
        assert.equal(issuer.requests, before + 2);
      } finally {
        issuer.mode = "works";
      }
      time.ms += 1000;
      assert.ok(await tokens.verify(token));
    });
  }

  test("that were verified before go on when their address has guessed too often", async () => {
    const { tokens, time } = begin();
    const credentials = createCredentials({
      ring: {} as KeyRing,
      guesses: createGuesses(() => time.ms),
      operatorKey: undefined,
      tokens,
      acceptsCertificates: false,
    });
    const admit = async (token: string): Promise<string> =>
      reasonOf(
        Promise.resolve().then(() =>
          credentials.admit({
            isLocal: false,
            address: "192.0.2.1",
            header: () => `Bearer ${token}`,
            certificate: () => undefined,
          }),
        ),
      );
    const token = await issuer.sign(READER);
    assert.equal(await admit(token), "ok");
    time.ms += 60_000;
    for (let guess = 0; guess < 100; guess++) assert.equal(await admit(`wrong-${guess}`), "KEY_INVALID");
    assert.equal(await admit("another-wrong-one"), "RATE_EXCEEDED");
    assert.equal(await admit(token), "ok");
    // A stream ends when its token is no longer valid, whatever its address guesses.
    await issuer.rotate();
    time.ms += 60_000;
    assert.equal(await admit(await issuer.sign(READER)), "ok");
    for (let guess = 0; guess < 100; guess++) await admit(`more-${guess}`);
    assert.equal(await admit("another-wrong-one"), "RATE_EXCEEDED");
    assert.equal(await admit(token), "KEY_INVALID");
  });

  test("are keys on every transport", async () => {
    await using store = await makeStore("PGlite");
    const lines: string[] = [];
    const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
    await using server = await startTestServer(
      {
        ...store.environment,
        AUTH_JWKS_URL: issuer.jwksUrl,
        AUTH_JWT_ISSUER: issuer.issuer,
        AUTH_JWT_AUDIENCE: issuer.audience,
      },
      log,
    );
    const operator = await issuer.sign({ purser_role: "operator" });
    await clientsWith(server, operator).budgets.createBudget({ project: "p", user: "u" });
    const bound = await issuer.sign({ ...READER, purser_role: "spender", purser_user: "u" });
    const forged = `${bound.slice(0, -4)}AAAA`;
    for (const way of EVERY_WAY) {
      const call = (token: string | undefined, user = "u") =>
        outcomeOf(clientsWith(server, token, way).budgets.getBudget({ project: "p", user }));
      assert.equal(await call(bound), "ok");
      assert.equal(await call(bound, "other"), "BUDGET_NOT_FOUND");
      assert.equal(await call(forged), "KEY_INVALID");
      assert.equal(await call(undefined), "KEY_MISSING");
    }
    for (const token of [operator, bound, forged])
      assert.ok(!lines.some((line) => line.includes(token.split(".")[2] ?? "")), "a token is in the log");
  });
});
