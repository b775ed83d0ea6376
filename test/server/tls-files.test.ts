import assert from "node:assert/strict";
import { appendFile, mkdir, rename, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { type TlsMaterial, type TlsPaths, watchTlsFiles } from "../../src/server/tls-files.ts";
import { createAuthority, createTlsFolder, type TlsFolder } from "../support/certificates.ts";

const authority = createAuthority("authority");
const old = authority.issue();
const fresh = authority.issue();

/** The files of a folder, and what is said about them. No timer fires in these tests. */
async function watch(t: TestContext, paths: TlsPaths) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const accepted: TlsMaterial[] = [];
  const refused: string[] = [];
  const watched = await watchTlsFiles({
    paths,
    onAccepted: (material) => accepted.push(material),
    onRefused: (why) => refused.push(why),
  });
  return { ...watched, accepted, refused };
}

const pathsOf = ({ environment }: TlsFolder): TlsPaths => ({
  cert: environment.TLS_CERT_FILE,
  key: environment.TLS_KEY_FILE,
  clientCa: environment.TLS_CLIENT_CA_FILE,
});

suite("The files for TLS", () => {
  test("are refused at the start with the setting, the path and the reason", async () => {
    await using folder = await createTlsFolder(old, authority.cert);
    const paths = pathsOf(folder);
    const broken = join(folder.path, "broken");
    await writeFile(broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    const other = join(folder.path, "other");
    await writeFile(other, fresh.key);
    const missing = join(folder.path, "missing");
    const rows: [Partial<TlsPaths>, RegExp][] = [
      [{ cert: missing }, /^TLS_CERT_FILE="\S+missing": ENOENT/],
      [{ key: missing }, /^TLS_KEY_FILE="\S+missing": ENOENT/],
      [{ clientCa: missing }, /^TLS_CLIENT_CA_FILE="\S+missing": ENOENT/],
      [{ cert: folder.path }, /^TLS_CERT_FILE="\S+": it is not a regular file/],
      [{ cert: paths.key }, /^TLS_CERT_FILE="\S+": it has no certificate in PEM/],
      [{ cert: broken }, /^TLS_CERT_FILE="\S+": /],
      [{ clientCa: broken }, /^TLS_CLIENT_CA_FILE="\S+": /],
      [{ clientCa: paths.key }, /^TLS_CLIENT_CA_FILE="\S+": it has no certificate in PEM/],
      [{ key: paths.cert }, /^TLS_KEY_FILE="\S+": /],
      [{ key: other }, /^TLS_KEY_FILE="\S+other" is not the key of TLS_CERT_FILE="\S+"$/],
    ];
    for (const [wrong, why] of rows) {
      const attempt = watchTlsFiles({
        paths: { ...paths, ...wrong },
        onAccepted: () => {},
        onRefused: () => {},
      });
      await assert.rejects(
        attempt,
        (error: Error) => why.test(error.message) && !error.message.includes("\n"),
      );
    }
  });

  test("replace each other as a pair, although they are written one after the other", async (t) => {
    await using folder = await createTlsFolder(old, authority.cert);
    using files = await watch(t, pathsOf(folder));
    await folder.write("cert", fresh.cert);
    await files.look();
    await folder.write("key", fresh.key);
    await files.look();
    assert.deepEqual(files.refused, []);
    assert.deepEqual(files.accepted, [{ ...fresh, clientCa: authority.cert }]);
    await files.look();
    assert.equal(files.accepted.length, 1);
  });

  test("are refused once if they still do not fit at the next look, and every time on demand", async (t) => {
    await using folder = await createTlsFolder(old, authority.cert);
    using files = await watch(t, pathsOf(folder));
    await folder.write("cert", fresh.cert);
    await files.look();
    assert.deepEqual(files.refused, []);
    await files.look();
    await files.look();
    assert.equal(files.refused.length, 1);
    assert.match(files.refused[0] ?? "", /is not the key of/);
    await files.reload();
    assert.equal(files.refused.length, 2);
    await folder.write("cert", old.cert);
    await files.reload();
    assert.deepEqual([files.accepted.length, files.refused.length], [0, 2]);
  });

  test("are followed through the links of a Kubernetes secret", async (t) => {
    await using folder = await createTlsFolder(old, authority.cert);
    const at = (...names: string[]) => join(folder.path, ...names);
    for (const [version, pair] of Object.entries({ one: old, two: fresh })) {
      await mkdir(at(version));
      await writeFile(at(version, "tls.crt"), pair.cert);
      await writeFile(at(version, "tls.key"), pair.key);
    }
    await symlink("one", at("..data"));
    for (const name of ["tls.crt", "tls.key"]) await symlink(`..data/${name}`, at(name));
    using files = await watch(t, { cert: at("tls.crt"), key: at("tls.key"), clientCa: undefined });
    await symlink("two", at("..data_tmp"));
    await rename(at("..data_tmp"), at("..data"));
    await files.look();
    assert.deepEqual(files.accepted, [{ ...fresh, clientCa: undefined }]);
  });

  test("are read again if only the authorities change, or if a file is missing for a moment", async (t) => {
    await using folder = await createTlsFolder(old, authority.cert);
    const paths = pathsOf(folder);
    using files = await watch(t, paths);
    await unlink(paths.cert);
    await files.look();
    await folder.write("cert", old.cert);
    await files.look();
    assert.deepEqual([files.accepted, files.refused], [[], []]);
    await appendFile(paths.clientCa ?? "", createAuthority("another").cert);
    await files.look();
    assert.equal(files.accepted.length, 1);
  });

  test("are no longer read after disposal", async (t) => {
    await using folder = await createTlsFolder(old, authority.cert);
    const files = await watch(t, pathsOf(folder));
    files[Symbol.dispose]();
    await folder.write("cert", fresh.cert);
    await folder.write("key", fresh.key);
    await files.reload();
    assert.deepEqual(files.accepted, []);
  });
});
