import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Role } from "../../../gen/es/budget/v1/key_pb.ts";
import { KeyService } from "../../../gen/es/budget/v1/key_service_pb.ts";
import { withHeaders } from "../../../src/client/connect.ts";
import { createCredentials } from "../../../src/server/keys/credentials.ts";
import { createGuesses } from "../../../src/server/keys/guesses.ts";
import { createKeyRing } from "../../../src/server/keys/key-ring.ts";
import { makeSecret } from "../../../src/server/keys/secret.ts";
import { openPostgres } from "../../../src/store/database.ts";
import { createStore } from "../../../src/store/store.ts";
import { charge, HOT, PROJECT } from "../calls.ts";
import { type Figure, figureOf, interleaved, ratios } from "../figure.ts";
import type { Stage } from "../stage.ts";

const CALLERS = 512;
const CHECKS = 200_000;
const US_PER_MS = 1000;

/** Measures what it costs to find out the caller of a call by its key, and compares this with the whole call. */
export async function measureKeys(stage: Stage): Promise<Figure[]> {
  const operatorKey = makeSecret();
  const url = await stage.createDatabase();
  await using withKeys = await stage.startPurser({ DATABASE_URL: url, PURSER_OPERATOR_KEY: operatorKey });
  await using open = await stage.startPurser({ DATABASE_URL: await stage.createDatabase() });
  const headers = headersWith(await createKey(withKeys.url, operatorKey));
  const budget = { project: PROJECT, user: HOT, totalBudgetNanoUsd: 10n ** 15n };
  await open.client.createBudget(budget);
  await withKeys.client.createBudget(budget, { headers: headersWith(operatorKey) });
  const to = (server: { url: string }, sent: Record<string, string>) => async (): Promise<number> => {
    const { done, seconds } = await stage.load({
      url: server.url,
      steps: [charge(HOT)],
      headers: sent,
      shape: { inFlight: CALLERS },
    });
    return done / seconds;
  };
  const values = await interleaved(stage.scale.rounds, {
    open: to(open, {}),
    withKeys: to(withKeys, headers),
    check: () => measureCheck(url, headers),
  });
  const shares = values.check.map((us, round) => us / (1_000_000 / (values.withKeys[round] ?? 1)));
  return [
    figureOf("UpdateCost, one hot budget, no keys", values.open, "charges/s"),
    figureOf("the same with a key", values.withKeys, "charges/s"),
    figureOf("  with a key to without", ratios(values.withKeys, values.open), "times", { atLeast: 0.97 }),
    figureOf("checking a key", values.check, "us"),
    figureOf("  share of a call's time", shares, "times", { atMost: 0.03 }),
  ];
}

const headersWith = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` });

async function createKey(baseUrl: string, operatorKey: string): Promise<string> {
  const transport = createGrpcTransport({ baseUrl, interceptors: [withHeaders(headersWith(operatorKey))] });
  const { secret } = await createClient(KeyService, transport).createKey({
    project: PROJECT,
    name: "bench",
    role: Role.SPENDER,
    // Limits cost a little, too.
    limits: { callsPerSecondMax: 1_000_000, callsInFlightMax: 1_000_000 },
  });
  return secret;
}

/** Microseconds for one check of a key, in this process. */
async function measureCheck(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  await using database = openPostgres({
    url,
    connectionsMax: 3,
    timeoutMs: 5_000,
    onIdleError: () => {},
  });
  const nowMs = (): number => performance.now();
  const credentials = createCredentials({
    ring: createKeyRing(createStore({ database, retryMsMax: 0 }), nowMs),
    guesses: createGuesses(nowMs),
    operatorKey: undefined,
    tokens: undefined,
    acceptsCertificates: false,
  });
  const arrival = {
    isLocal: false,
    address: "127.0.0.1",
    header: (name: string) => headers[name],
    certificate: () => undefined,
  };
  await credentials.admit(arrival);
  const startMs = nowMs();
  for (let count = 0; count < CHECKS; count++) {
    const admission = await credentials.admit(arrival);
    admission.limits.begin()[Symbol.dispose]();
  }
  return ((nowMs() - startMs) * US_PER_MS) / CHECKS;
}
