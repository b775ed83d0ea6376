import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { certificateIdentity, uriNamesIn } from "../../src/server/certificate.ts";
import { createAuthority } from "../support/certificates.ts";

const demo = (role: string, user?: string) => ({ role, project: "demo", user });
const operator = { role: "OPERATOR", project: undefined, user: undefined };

describe("the identity in a certificate", () => {
  const rows: [names: string[], identity: unknown][] = [
    [["purser://operator"], operator],
    [["purser://admin/demo"], demo("ADMIN")],
    [["purser://reader/demo"], demo("READER")],
    [["purser://spender/demo/alice"], demo("SPENDER", "alice")],
    [["purser://spender/demo/team%2Fa%20b%C3%A9"], demo("SPENDER", "team/a bé")],
    [["purser://spender/demo/a:b@c"], demo("SPENDER", "a:b@c")],
    // Names for other programs.
    [["spiffe://example/service", "purser://reader/demo"], demo("READER")],
    [["spiffe://example/service"], undefined],
    [[], undefined],
    // It is not known which one is meant.
    [["purser://reader/demo", "purser://operator"], undefined],
    [["purser://operator", "purser://operator"], undefined],
    // An operator has every project.
    [["purser://operator/demo"], undefined],
    [["purser://operator/"], undefined],
    [["purser://admin"], undefined],
    [["purser://admin/"], undefined],
    [["purser://admin//alice"], undefined],
    [["purser://spender/demo/"], undefined],
    [["purser://spender/demo/alice/"], undefined],
    [["purser://spender/demo/alice/bob"], undefined],
    [["purser://spender/demo?user=alice"], undefined],
    [["purser://spender/demo#alice"], undefined],
    [["purser://owner/demo"], undefined],
    [["purser://SPENDER/demo"], undefined],
    [["PURSER://operator"], undefined],
    [["purser:operator"], undefined],
    [["xpurser://operator"], undefined],
    [["purser://user@operator"], undefined],
    [["purser://operator:443"], undefined],
    [["purser://spender/demo/%"], undefined],
    [["purser://spender/demo/%FF"], undefined],
    [["purser://spender/demo/a%00b"], undefined],
    [[`purser://spender/demo/${"a".repeat(257)}`], undefined],
  ];
  for (const [names, identity] of rows) {
    it(`of ${JSON.stringify(names).slice(0, 80)} is ${JSON.stringify(identity)}`, () => {
      assert.deepEqual(certificateIdentity(names), identity);
    });
  }
});

describe("the URI names of a certificate", () => {
  const rows: [text: string, names: string[]][] = [
    ["", []],
    ["URI:purser://operator", ["purser://operator"]],
    ["DNS:a.example, URI:purser://reader/a, IP Address:1.2.3.4, URI:x:y", ["purser://reader/a", "x:y"]],
    // Node.js puts a value in quotes where it could be mistaken for several.
    ['DNS:"a, URI:purser://operator"', []],
    ['DNS:"a\\", URI:purser://operator, DNS:\\"b"', []],
    ['DNS:"a\\\\", URI:purser://reader/a', ["purser://reader/a"]],
    ['URI:"purser://operator, DNS:a"', []],
    ["email:URI:purser://operator", []],
    ["DirName:CN = URI:purser://operator", []],
  ];
  for (const [text, names] of rows) {
    it(`in ${text || "none"} are ${JSON.stringify(names)}`, () => assert.deepEqual(uriNamesIn(text), names));
  }

  it("are the ones that the authority has signed, whatever characters they have", () => {
    const authority = createAuthority("test");
    const namesOf = (uri: string) => {
      const { subjectAltName } = new X509Certificate(authority.issue({ uris: [uri] }).cert);
      return uriNamesIn(subjectAltName ?? "");
    };
    assert.deepEqual(namesOf("purser://spender/demo/a%2Cb"), ["purser://spender/demo/a%2Cb"]);
    for (const uri of ["x, URI:purser://operator", 'x", URI:purser://operator', "x\\, URI:purser://operator"])
      assert.deepEqual(namesOf(uri), [], uri);
  });
});
