import type { Server } from "./server.ts";

/** The text that `npm start` prints: the addresses of the server, its store, and three example commands. */
export function greeting(server: Server): string {
  const host = hostForClients(server.host);
  const scheme = server.hasTls ? "https" : "http";
  const grpc = `${scheme}://${host}:${server.grpcPort}`;
  const http = `${scheme}://${host}:${server.httpPort}`;
  return `Purser is ready.

  gRPC                ${host}:${server.grpcPort}${server.hasTls ? " (TLS)" : ""}
  Connect, gRPC-Web   ${http}
  legacy REST         ${http}/get_budget, ${http}/set_budget
  health              ${http}/healthz, ${http}/readyz

  store               ${server.store.name}
                      ${server.store.durability}

Try it, from a second shell in this folder:

${commands(grpc, server.hasTls ? WITH_TLS : WITHOUT_TLS)
  .map((command) => `  ${command}`)
  .join("\n\n")}
`;
}

const WITHOUT_TLS = "--http2-prior-knowledge";
// The certificate is made for the name by which others call the server, and not for the address of this machine.
const WITH_TLS = "--insecure";

const commands = (grpc: string, option: string): string[] =>
  [
    [
      "CreateBudget",
      '{"project":"demo","user":"alice","totalBudgetNanoUsd":"10000000000","duration":"DURATION_MONTHLY"}',
    ],
    [
      "UpdateCost",
      '{"project":"demo","user":"alice","text":{"model":"gpt-4o-mini","inputText":"hello world","outputText":"it is a sunny day in san francisco"}}',
    ],
    ["GetCurrentCost", '{"project":"demo","user":"alice"}'],
  ].map(
    ([method, json]) =>
      `npx buf curl --protocol grpc ${option} -d '${json}' ${grpc}/budget.v1.BudgetService/${method}`,
  );

/** The host to connect to. Clients cannot connect to an address that listens on all interfaces. */
const hostForClients = (host: string): string => {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
};
