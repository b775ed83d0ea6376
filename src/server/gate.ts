import { Failure } from "../domain/errors.ts";
import type { Caller } from "./caller.ts";
import { hidden, type Names, type Permissions, unhidden } from "./permissions.ts";
import { failureFor, visibleTo } from "./visibility.ts";

/** Lets the requests of a caller through, as far as the caller is permitted. */
export interface Gate {
  /** @throws KEY_NOT_ALLOWED, and whatever `work` throws */
  permitted<Request extends Names, Answer extends object>(
    caller: Caller,
    method: string,
    request: Request,
    work: (request: Request) => Promise<Answer>,
  ): Promise<Answer>;
  permittedStream<Request extends Names, Answer extends object>(
    caller: Caller,
    method: string,
    request: Request,
    work: (request: Request) => AsyncIterable<Answer>,
  ): AsyncIterable<Answer>;
}

export function createGate(permissions: Permissions): Gate {
  const failure = (thrown: unknown, caller: Caller, request: Names): unknown => {
    const shown = failureFor(caller, request, thrown);
    if (!(shown instanceof Failure)) return shown;
    const error = unhidden(shown.error, request);
    return error === shown.error ? shown : new Failure(error, { cause: shown.cause });
  };

  return {
    async permitted(caller, method, request, work) {
      const isPermitted = permissions.check(method, request, caller);
      // Most callers are not bound, and need no wait.
      const mayGo = typeof isPermitted === "boolean" ? isPermitted : await isPermitted;
      if (mayGo && caller.user === undefined) return work(request);
      try {
        return visibleTo(caller, await work(mayGo ? request : hidden(request, caller)));
      } catch (thrown) {
        throw failure(thrown, caller, request);
      }
    },
    async *permittedStream(caller, method, request, work) {
      let mayGo = await permissions.check(method, request, caller);
      try {
        if (mayGo) {
          for await (const answer of work(request)) {
            // While the stream is open, the budget may be moved away from the caller's.
            if (caller.user !== undefined) mayGo = await permissions.check(method, request, caller);
            if (!mayGo) break;
            yield visibleTo(caller, answer);
          }
        }
        if (!mayGo) yield* work(hidden(request, caller));
      } catch (thrown) {
        throw failure(thrown, caller, request);
      }
    },
  };
}
