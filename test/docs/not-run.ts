/**
 * The beginnings of commands that the tests of the pages do not run, each with the reason. Every other command is run.
 */
export const NOT_RUN: ReadonlyMap<string, string> = new Map([
  ["npm ci", "these tests run after it"],
  ["npm run test:long", "it takes about an hour"],
  ["pip install", "test/interop/python.interop.ts builds and installs the package"],
  ["DATABASE_URL=", "it names a database of the reader's; the tests of servers start them on PostgreSQL"],
  ["DATABASE_URL_FILE=", "it names files of the reader's; test/server/secret-files.test.ts runs it"],
  ["TLS_CERT_FILE=", "it names files of the reader's; test/server/tls-program.test.ts runs it"],
  ["HOST=", "it names a database of the reader's, and listens on all addresses"],
  ["npm run prune -- --before", "it needs a store that no server uses; test/command/prune.test.ts runs it"],
  ["npm run --silent prices -- compare", "it needs a price file; test/scripts/prices.test.ts compares two"],
  [
    "npm run bench",
    "it takes many minutes; test/scripts/bench.test.ts and bench-tokens.test.ts run a short form",
  ],
  ["begin;\nlock table entries", "test/store/partitions.test.ts runs it on a ledger with entries"],
  ["npm run test:mutate", "it takes many minutes; test/scripts/mutate-run.test.ts runs it on a small folder"],
  ["create extension citus", "it needs Citus; the page says that it is not tested"],
  ["grpcurl", "it is not on npm; test/server/grpc.test.ts asks for reflection"],
]);

/** Why a block or command is not run. */
export const reasonNotToRun = (command: string): string | undefined =>
  [...NOT_RUN].find(([start]) => command.startsWith(start))?.[1];
