import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { canonicalText, fingerprintOf, isSameRequest } from "../../src/domain/fingerprint.ts";

suite("A fingerprint", () => {
  test("begins with its version, and has 22 characters of base64url", () => {
    assert.equal(fingerprintOf(""), "2.47DEQpj8HBSa-_TImW-5JC");
    assert.match(fingerprintOf("a"), /^2\.[\w-]{22}$/);
  });

  test("is of the same request when it is equal", () => {
    const operation = { fingerprint: fingerprintOf("a") };
    assert.equal(isSameRequest(fingerprintOf("a"), operation), true);
    assert.equal(isSameRequest(fingerprintOf("b"), operation), false);
  });

  test("is compared by version 1 only where version 1 is stored", () => {
    let computed = 0;
    const fingerprintV1 = () => {
      computed += 1;
      return "47DEQpj8HBSa-_TImW-5JC";
    };
    const operation = { fingerprint: fingerprintOf("a"), fingerprintV1 };
    for (const stored of [fingerprintOf("a"), fingerprintOf("b"), "3.47DEQpj8HBSa-_TImW-5JC"]) {
      isSameRequest(stored, operation);
    }
    assert.equal(computed, 0);
    assert.equal(isSameRequest("47DEQpj8HBSa-_TImW-5JC", operation), true);
    assert.equal(isSameRequest("XXXXXXj8HBSa-_TImW-5JC", operation), false);
    assert.equal(computed, 2);
  });

  test("of a later version, or of version 1 without its rules, is of another request", () => {
    const operation = { fingerprint: fingerprintOf("a"), fingerprintV1: () => "a" };
    assert.equal(isSameRequest(`3${fingerprintOf("a").slice(1)}`, operation), false);
    assert.equal(isSameRequest("a", { fingerprint: fingerprintOf("a") }), false);
    assert.equal(isSameRequest("", { fingerprint: fingerprintOf("a") }), false);
  });
});

suite("A canonical text", () => {
  test("never changes, because fingerprints of it are stored", () => {
    const value = { b: [1, 2n, "x", null, true], a: { d: undefined, c: "" } };
    assert.equal(canonicalText(value), '{"a":{"c":"",},"b":[1,2n,"x",null,true],}');
  });

  test("does not depend on the order of keys", () => {
    assert.equal(
      canonicalText({ b: [1, { d: 2, c: 3 }], a: "x" }),
      canonicalText({ a: "x", b: [1, { c: 3, d: 2 }] }),
    );
  });

  test("is the same for zero and negative zero", () => {
    assert.equal(canonicalText([-0]), canonicalText([0]));
  });

  test("leaves out what is undefined", () => {
    assert.equal(canonicalText({ a: 1, b: undefined }), canonicalText({ a: 1 }));
  });

  test("tells values apart that look alike", () => {
    const values = [
      {},
      [],
      "",
      0,
      0n,
      false,
      null,
      "0",
      "null",
      "0n",
      [""],
      [[]],
      [0],
      [0, 0],
      [null],
      { a: 0 },
      { a: "" },
      { a: null },
      { a: {} },
      { a: [] },
      { "": 0 },
      { a: 0, b: 0 },
      { a: { b: 0 } },
      'a":0,"b',
      { 'a":0,"b': 0 },
    ];
    assert.equal(new Set(values.map(canonicalText)).size, values.length);
  });
});
