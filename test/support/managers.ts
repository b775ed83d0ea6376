import { randomUUID } from "node:crypto";
import { after, before, suite } from "node:test";
import { BudgetManager, createPurserClient, openLocal, type PurserClient } from "../../src/client/index.ts";
import { makeStore, startTestServer } from "./server.ts";

/** BudgetManager in both of its modes: on a server, or with the service in this process. */
export interface Managers {
  /** A manager of a new project that no other test uses. */
  create(): BudgetManager;
  /** The underlying client. */
  readonly client: PurserClient;
}

const KINDS: Record<string, (stack: AsyncDisposableStack) => Promise<PurserClient>> = {
  hosted: async (stack) => {
    const { environment } = stack.use(await makeStore("PostgreSQL"));
    return createPurserClient({ baseUrl: stack.use(await startTestServer(environment)).httpUrl });
  },
  local: async (stack) => stack.use(await openLocal({ dataDir: "memory://" })).client,
};

/** Runs a suite on a server, and again with the service in this process. */
export function suiteForManagers(subject: string, define: (managers: Managers) => void): void {
  for (const [kind, open] of Object.entries(KINDS)) {
    suite(`${subject}, ${kind}`, { concurrency: 4 }, () => {
      const stack = new AsyncDisposableStack();
      let opened: PurserClient | undefined;
      before(async () => {
        opened = await open(stack);
      });
      after(() => stack.disposeAsync());
      const client = (): PurserClient => {
        if (opened === undefined) throw new Error("the client is only available while tests run");
        return opened;
      };
      define({
        create: () => new BudgetManager(`project-${randomUUID()}`, { client: client() }),
        get client() {
          return client();
        },
      });
    });
  }
}
