import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { readDatabaseUrl } from "../src/config/database-url.ts";
import { ConfigError, loadConfig } from "../src/config.ts";

/** The line with which a bad URL stops the start. */
function complaint(url: string): string {
  try {
    loadConfig({ DATABASE_URL: url });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail(`${url} was accepted`);
}

function hostsOf(url: string) {
  const read = readDatabaseUrl(url);
  assert.ok(typeof read === "object", url);
  return { hosts: read.hosts.map((host) => host.url), target: read.target, name: read.name };
}

suite("The URL of a database", () => {
  test("has one host, and then any server will do", () => {
    assert.deepEqual(hostsOf("postgres://u:p@host/db"), {
      hosts: ["postgres://u:p@host/db"],
      target: "any",
      name: "host:5432/db",
    });
    assert.equal(hostsOf("postgres://u:p@host/db?target_session_attrs=read-write").target, "writable");
  });

  test("has several hosts with their ports, and then one that can write is meant", () => {
    const { hosts, target, name } = hostsOf("postgresql://u:p@one:5433,two,[::1]:5434/db?sslmode=require");
    assert.deepEqual(hosts, [
      "postgresql://u:p@one:5433/db?sslmode=require",
      "postgresql://u:p@two/db?sslmode=require",
      "postgresql://u:p@[::1]:5434/db?sslmode=require",
    ]);
    assert.deepEqual([target, name], ["writable", "one:5433,two:5432,[::1]:5434/db"]);
    const targetOf = (value: string) => hostsOf(`postgres://a,b/db?target_session_attrs=${value}`).target;
    assert.deepEqual(["any", "read-write", "primary"].map(targetOf), ["any", "writable", "primary"]);
  });

  test("may name the folder of a socket", () => {
    const url = "postgres:///db?host=/var/run/postgresql&user=u";
    assert.deepEqual(hostsOf(url).hosts, [url]);
  });

  test("may have commas and signs in its password", () => {
    assert.deepEqual(hostsOf("postgres://u:p,q@r@one,two/db").hosts, [
      "postgres://u:p,q@r@one/db",
      "postgres://u:p,q@r@two/db",
    ]);
  });

  test("is refused if a host is missing or malformed, without its password", () => {
    for (const hosts of ["one,", ",two", "one,,two", "one:port,two", "one:5432,two:99999", "one,tw o"]) {
      const line = complaint(`postgres://u:s3cret@${hosts}/db`);
      assert.match(line, /it must be a URL such as/);
      assert.doesNotMatch(line, /s3cret/);
    }
    assert.doesNotMatch(complaint("postgres://u:s3cret,with,commas@one,two:x/db"), /s3cret|commas/);
    assert.doesNotMatch(complaint("postgres://one,two:x/db?user=u&password=s3cret"), /s3cret/);
  });

  test("is refused if it asks for a server that is read-only, or for something else that cannot be had", () => {
    const base = "postgres://u:s3cret@one,two/db";
    const rows: [parameters: string, allowed: string][] = [
      ...["read-only", "standby", "prefer-standby", "primaries"].map((value): [string, string] => [
        `target_session_attrs=${value}`,
        "a URL whose target_session_attrs is one of any, read-write, primary, because Purser writes",
      ]),
      ...["prefer", "allow", "verify"].map((value): [string, string] => [
        `sslmode=${value}`,
        "a URL whose sslmode is one of disable, require, verify-ca, verify-full, no-verify",
      ]),
      [
        "host=one,two",
        "a URL with its hosts before the path, such as postgres://user:password@one:5432,two:5432/database",
      ],
      [
        "sslmode=verify-ca",
        "a URL with sslrootcert=FILE, because sslmode is verify-ca: public authorities sign for everybody",
      ],
      ["sslmode=require&sslrootcert=system", "a URL with sslmode=verify-full, because sslrootcert is system"],
    ];
    for (const [parameters, allowed] of rows) {
      assert.equal(
        complaint(`${base}?${parameters}`),
        `DATABASE_URL="postgres://u:***@one,two/db?${parameters}" is not allowed: it must be ${allowed}`,
      );
    }
  });

  test("says whether TLS checks who answers", () => {
    const isUnchecked = (parameters: string) => {
      const read = readDatabaseUrl(`postgres://host/db?${parameters}`);
      return typeof read === "object" && read.isUnchecked;
    };
    assert.ok(isUnchecked("sslmode=require") && isUnchecked("sslmode=no-verify"));
    for (const checked of ["sslmode=verify-full", "sslmode=require&sslrootcert=/ca", "sslmode=disable", ""])
      assert.ok(!isUnchecked(checked), checked);
    assert.deepEqual(hostsOf("postgres://host/db?sslmode=verify-full&sslrootcert=system").hosts, [
      "postgres://host/db?sslmode=verify-full",
    ]);
  });
});
