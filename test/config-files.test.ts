import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Setting } from "../src/config/kinds.ts";
import { SECRETS, SecretFileError, withSecretFiles } from "../src/config/secret-files.ts";
import { loadConfig, SETTINGS } from "../src/config.ts";

const FILES: Readonly<Record<string, string>> = {
  "/url": "postgres://u:p@host/db\n",
  "/windows": "postgres://u:p@host/db\r\n",
  "/bare": "postgres://u:p@host/db",
  "/empty": "",
  "/line": "\n",
  "/two-lines": "postgres://u:s3cret@host/db\nmore",
};

function readText(path: string): string {
  const text = FILES[path];
  if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
  return text;
}

const load = (environment: Record<string, string>) => loadConfig(withSecretFiles(environment, readText));

/** The line with which a bad file stops the start. */
function complaint(environment: Record<string, string>): string {
  try {
    withSecretFiles(environment, readText);
  } catch (error) {
    assert.ok(error instanceof SecretFileError);
    return error.message;
  }
  return assert.fail("the files were accepted");
}

suite("A secret in a file", () => {
  test("is the value of its setting, without the line break at the end", () => {
    for (const path of ["/url", "/windows", "/bare"])
      assert.equal(load({ DATABASE_URL_FILE: path }).DATABASE_URL, "postgres://u:p@host/db", path);
  });

  test("may be used for every setting that must not be shown, and for the URL of the database", () => {
    const secret = Object.entries<Setting<unknown>>(SETTINGS).filter(([, { isSecret }]) => isSecret === true);
    assert.deepEqual(SECRETS.toSorted(), ["DATABASE_URL", ...secret.map(([name]) => name)].toSorted());
    const key = `pk_${"a".repeat(43)}`;
    const environment = withSecretFiles({ PURSER_OPERATOR_KEY_FILE: "/key" }, () => `${key}\n`);
    assert.equal(loadConfig(environment).PURSER_OPERATOR_KEY, key);
  });

  test("is refused beside the value itself, with both names", () => {
    assert.equal(
      complaint({ DATABASE_URL: "postgres://u:s3cret@host/db", DATABASE_URL_FILE: "/url" }),
      "DATABASE_URL and DATABASE_URL_FILE are both set: remove one of them",
    );
    // Container files write an absent variable as an empty one.
    assert.equal(
      load({ DATABASE_URL: "", DATABASE_URL_FILE: "/url" }).DATABASE_URL,
      "postgres://u:p@host/db",
    );
    assert.equal(
      load({ DATABASE_URL: "postgres://h/db", DATABASE_URL_FILE: "" }).DATABASE_URL,
      "postgres://h/db",
    );
  });

  test("is refused with the variable and the path if the file is missing or empty", () => {
    assert.equal(
      complaint({ DATABASE_URL_FILE: "/none" }),
      "DATABASE_URL_FILE=\"/none\": ENOENT: no such file or directory, open '/none'",
    );
    for (const path of ["/empty", "/line"])
      assert.equal(complaint({ DATABASE_URL_FILE: path }), `DATABASE_URL_FILE="${path}": the file is empty`);
  });

  test("is checked like the value itself, and not shown in the error", () => {
    assert.throws(
      () => load({ DATABASE_URL_FILE: "/two-lines" }),
      (error: Error) => error.message.startsWith("DATABASE_URL=") && !/s3cret/.test(error.message),
    );
  });
});
