import assert from "node:assert/strict";
import { once } from "node:events";
import { request as plainRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { connect as connectPlain } from "node:net";
import { suite, test } from "node:test";
import { type ConnectionOptions, connect, type SecureVersion, type TLSSocket } from "node:tls";
import pino, { type Logger } from "pino";
import { loadConfig } from "../../src/config.ts";
import { openTls, type Tls } from "../../src/server/tls.ts";
import { createAuthority, createTlsFolder, type Pair, type TlsFolder } from "../support/certificates.ts";
import { startTransports, type Transports } from "../support/transports.ts";

const authority = createAuthority("server authority");
const clients = createAuthority("client authority");
const strangers = createAuthority("another authority");
const own = authority.issue();
const alice = clients.issue({ uris: ["purser://spender/demo/alice", "spiffe://example/alice"] });
const mallory = strangers.issue({ uris: ["purser://operator"] });
const ALICE = ["purser://spender/demo/alice", "spiffe://example/alice"];

/** All transports over TLS. Each call is answered with the URI names of its client's certificate. */
interface Secure extends AsyncDisposable {
  readonly transports: Transports;
  readonly folder: TlsFolder;
  readonly tls: Tls;
  /** The names that the last call came with. */
  names(): readonly string[] | undefined;
}

async function startSecure(
  options: { client?: Pair; withClientCa?: boolean; isFollowed?: boolean; log?: Logger } = {},
): Promise<Secure> {
  const { client, withClientCa = true, isFollowed = true, log = pino({ level: "silent" }) } = options;
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await createTlsFolder(own, clients.cert));
  const { TLS_CLIENT_CA_FILE, ...pair } = folder.environment;
  const config = loadConfig(withClientCa ? { ...pair, TLS_CLIENT_CA_FILE } : pair);
  const tls = await openTls(config, log);
  assert.ok(tls);
  stack.use(tls);
  let names: readonly string[] | undefined;
  const transports = stack.use(
    await startTransports({
      handlers: { getBudget: async () => ({}) },
      texts: { "/get_budget": async () => "{}" },
      tls: isFollowed ? tls : { ...tls, follow: () => {} },
      nodeOptions: { ca: authority.cert, ...client },
      onArrival: (arrival) => {
        names = arrival.certificate();
        assert.equal(arrival.certificate(), names, "the names of a connection are read once");
      },
      log,
    }),
  );
  const moved = stack.move();
  return {
    transports,
    folder,
    tls,
    names: () => names,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

const BUDGET = { project: "p", user: "u" };

/** The names that a call of each network transport comes with. */
async function namesByTransport(secure: Secure): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [name, client] of Object.entries(secure.transports.clients)) {
    if (name === "in-process") continue;
    await client.getBudget(BUDGET);
    found[name] = secure.names();
  }
  return found;
}

const NETWORK = ["gRPC", "Connect", "Connect JSON", "gRPC-Web", "gRPC-Web JSON"];
const everywhere = (value: unknown) => Object.fromEntries(NETWORK.map((name) => [name, value]));

/** Posts to a legacy route. */
async function postText({ transports }: Secure, options: ConnectionOptions): Promise<number | undefined> {
  const call = request(`${transports.httpUrl}/get_budget`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    agent: false,
    ca: authority.cert,
    ...options,
  });
  call.end("{}");
  const [response] = (await once(call, "response")) as [NodeJS.ReadableStream & { statusCode: number }];
  await Array.fromAsync(response);
  return response.statusCode;
}

const portOf = (url: string) => ({ host: "127.0.0.1", port: Number(new URL(url).port) });

/** A connection to a port, after its handshake. */
async function shakeHands(url: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ ...portOf(url), ca: authority.cert, ...options });
  await once(socket, "secureConnect");
  return socket;
}

const serialOf = (socket: TLSSocket) => socket.getPeerX509Certificate()?.serialNumber;

const urlsOf = ({ transports }: Secure) => [transports.grpcUrl, transports.httpUrl];

suite("Both ports with TLS", () => {
  test("serve every transport to clients that trust the server's authority, and not to others", async () => {
    await using secure = await startSecure({ withClientCa: false });
    assert.deepEqual(await namesByTransport(secure), everywhere(undefined));
    assert.equal(await postText(secure, {}), 200);
    await assert.rejects(postText(secure, { ca: strangers.cert }), {
      code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    });
  });

  test("speak TLS 1.2 and 1.3, and no earlier version", async () => {
    await using secure = await startSecure();
    for (const url of urlsOf(secure)) {
      for (const version of ["TLSv1.2", "TLSv1.3"] satisfies SecureVersion[]) {
        const socket = await shakeHands(url, { minVersion: version, maxVersion: version });
        assert.equal(socket.getProtocol(), version);
        socket.destroy();
      }
      const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
      await assert.rejects(shakeHands(url, old), /alert protocol version|ECONNRESET/);
    }
  });

  test("answer nothing without TLS", async () => {
    await using secure = await startSecure();
    const plain = (url: string) => url.replace("https:", "http:");
    const call = plainRequest(`${plain(secure.transports.httpUrl)}/get_budget`, { agent: false }).end();
    await assert.rejects(once(call, "response"), { code: "ECONNRESET" });
    const session = connectHttp2(plain(secure.transports.grpcUrl));
    session.on("error", () => {});
    await once(session, "close");
  });

  test("show a new certificate to new connections, and go on with the open ones", async () => {
    await using secure = await startSecure();
    const fresh = authority.issue();
    const before = await Promise.all(urlsOf(secure).map((url) => shakeHands(url)));
    await namesByTransport(secure);
    await secure.folder.write("cert", fresh.cert);
    await secure.folder.write("key", fresh.key);
    await secure.tls.reload();
    const after = await Promise.all(urlsOf(secure).map((url) => shakeHands(url)));
    assert.equal(new Set(before.map(serialOf)).size, 1);
    assert.equal(new Set(after.map(serialOf)).size, 1);
    assert.notEqual(serialOf(before[0] as TLSSocket), serialOf(after[0] as TLSSocket));
    assert.ok(before.every((socket) => !socket.destroyed));
    // The version of TLS is still limited, and client certificates are still read.
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await assert.rejects(shakeHands(secure.transports.httpUrl, old), /alert protocol version|ECONNRESET/);
    assert.equal(await postText(secure, alice), 200);
    assert.deepEqual(secure.names(), ALICE);
    for (const socket of [...before, ...after]) socket.destroy();
  });

  test("keep the old certificate if the new one cannot be used, and log why", async () => {
    const lines: { msg: string; why?: string }[] = [];
    const log = pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
    await using secure = await startSecure({ log });
    await secure.folder.write("cert", authority.issue().cert);
    await secure.tls.reload();
    const logged = lines.filter(({ msg }) => msg.startsWith("the new TLS files were refused"));
    assert.equal(logged.length, 1);
    assert.match(logged[0]?.why ?? "", /is not the key of/);
    assert.equal(await postText(secure, {}), 200);
  });

  test("stop in time, whatever handshakes are not complete", async () => {
    await using secure = await startSecure();
    const waiting = await Promise.all(
      urlsOf(secure).map(async (url) => {
        const socket = connectPlain(portOf(url));
        await once(socket, "connect");
        return socket;
      }),
    );
    // The servers have accepted them when later connections are answered.
    for (const url of urlsOf(secure)) (await shakeHands(url)).destroy();
    const closed = waiting.map((socket) => once(socket, "close"));
    await secure.transports.stop(0);
    await Promise.all(closed);
  });
});

suite("A client certificate", () => {
  test("gives its URI names to each call of every transport", async () => {
    await using secure = await startSecure({ client: alice });
    assert.deepEqual(await namesByTransport(secure), everywhere(ALICE));
    assert.equal(await postText(secure, alice), 200);
    assert.deepEqual(secure.names(), ALICE);
    await secure.transports.clients["in-process"]?.getBudget(BUDGET);
    assert.equal(secure.names(), undefined);
  });

  test("may be absent, also when a session is resumed", async () => {
    await using secure = await startSecure();
    assert.deepEqual(await namesByTransport(secure), everywhere(undefined));
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] satisfies SecureVersion[]) {
      const session = await sessionOf(secure, { maxVersion });
      assert.deepEqual(await resumed(secure, { maxVersion, session }), { isReused: true, names: undefined });
    }
  });

  test("is remembered by a resumed session, and only as long as its authority is trusted", async () => {
    await using secure = await startSecure();
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] satisfies SecureVersion[]) {
      const session = await sessionOf(secure, { maxVersion, ...alice });
      assert.deepEqual(await resumed(secure, { maxVersion, session }), { isReused: true, names: ALICE });
      await secure.folder.write("ca", createAuthority("new client authority").cert);
      await secure.tls.reload();
      assert.deepEqual(await resumed(secure, { maxVersion, session }), { isReused: false, names: undefined });
      await secure.folder.write("ca", clients.cert);
      await secure.tls.reload();
    }
  });

  test("of another authority is refused on both ports", async () => {
    await using secure = await startSecure();
    for (const url of urlsOf(secure)) {
      const socket = connect({ ...portOf(url), ca: authority.cert, ...mallory }).on("error", () => {});
      await once(socket, "close");
    }
    await assert.rejects(postText(secure, mallory), { code: "ECONNRESET" });
    assert.equal(secure.names(), undefined);
  });

  test("of another authority gives no names, even on a connection that stays open", async () => {
    await using secure = await startSecure({ client: mallory, isFollowed: false });
    assert.deepEqual(await namesByTransport(secure), everywhere(undefined));
  });

  test("of a server, and one without a purpose for clients, is refused", async () => {
    await using secure = await startSecure();
    await secure.folder.write("ca", authority.cert);
    await secure.tls.reload();
    await assert.rejects(postText(secure, own), { code: "ECONNRESET" });
  });

  test("is not asked for without TLS_CLIENT_CA_FILE", async () => {
    await using secure = await startSecure({ withClientCa: false, client: mallory });
    assert.deepEqual(await namesByTransport(secure), everywhere(undefined));
  });

  test("loses its connections when its authority is removed", async () => {
    await using secure = await startSecure();
    const known = await Promise.all(urlsOf(secure).map((url) => shakeHands(url, alice)));
    const others = await Promise.all(urlsOf(secure).map((url) => shakeHands(url)));
    const closed = known.map((socket) => once(socket.resume(), "close"));
    await secure.folder.write("ca", strangers.cert);
    await secure.tls.reload();
    await Promise.all(closed);
    assert.ok(others.every((socket) => !socket.destroyed));
    for (const socket of others) socket.destroy();
  });
});

/** Makes a call over a connection of its own, and returns the session, for a later connection. */
async function sessionOf(secure: Secure, options: ConnectionOptions): Promise<Buffer> {
  const socket = await shakeHands(secure.transports.httpUrl, options);
  await post(socket);
  // With TLS 1.3, the ticket comes after the handshake and before the answer.
  const session = socket.getSession();
  assert.ok(session);
  socket.destroy();
  return session;
}

async function resumed(secure: Secure, options: ConnectionOptions) {
  const socket = await shakeHands(secure.transports.httpUrl, options);
  await post(socket);
  const isReused = socket.isSessionReused();
  socket.destroy();
  return { isReused, names: secure.names() };
}

async function post(socket: TLSSocket): Promise<void> {
  socket.write(
    "POST /get_budget HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
  );
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 200 /);
}
