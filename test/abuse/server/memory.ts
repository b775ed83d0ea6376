import { readFile } from "node:fs/promises";

/** The memory of a process, in bytes. */
export interface Memory {
  /** Objects that survive a garbage collection, inside and outside of the heap. */
  live: number;
  /** The resident memory of the process. */
  resident: number;
}

interface Reply {
  id: number;
  result?: { result?: { value?: string } };
}

const ANSWER_MS_MAX = 60_000;

/**
 * Makes a process collect its garbage and report its memory, through the debugger that NODE_OPTIONS=--inspect has
 * opened.
 */
export async function measureMemory(debuggerUrl: string, pid: number): Promise<Memory> {
  const socket = new WebSocket(debuggerUrl);
  await heard(socket, "open");
  let lastId = 0;
  const ask = (method: string, params: object = {}): Promise<Reply> => {
    const id = ++lastId;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    const listen = (event: MessageEvent): void => {
      const reply = JSON.parse(String(event.data)) as Reply;
      if (reply.id !== id) return;
      socket.removeEventListener("message", listen);
      resolve(reply);
    };
    socket.addEventListener("message", listen);
    socket.send(JSON.stringify({ id, method, params }));
    return withinTime(promise);
  };
  // Collects twice: what a finalizer frees in the first collection is collected in the second.
  await ask("HeapProfiler.collectGarbage");
  await ask("HeapProfiler.collectGarbage");
  const expression = "JSON.stringify(process.memoryUsage())";
  const { result } = await ask("Runtime.evaluate", { expression, returnByValue: true });
  const { heapUsed, external, rss } = JSON.parse(result?.result?.value ?? "{}") as NodeJS.MemoryUsage;
  socket.close();
  await heard(socket, "close");
  return { live: heapUsed + external, resident: (await residentOf(pid)) ?? rss };
}

/** A server that hangs does not answer its debugger either. */
const withinTime = <T>(promise: Promise<T>): Promise<T> => {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error("the server does not answer its debugger: it hangs")),
    ANSWER_MS_MAX,
  );
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

const heard = (socket: WebSocket, name: "open" | "close"): Promise<void> =>
  withinTime(
    new Promise((resolve, reject) => {
      socket.addEventListener(name, () => resolve(), { once: true });
      socket.addEventListener("error", () => reject(new Error("the debugger does not answer")), {
        once: true,
      });
    }),
  );

/** Only on systems that have /proc. */
async function residentOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(text) ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

export const megabytes = (bytes: number): string => `${Math.round(bytes / 1_000_000)} MB`;
