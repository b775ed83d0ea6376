/** A resource that several users share. */
export interface Share<Resource> {
  readonly resource: Resource;
  /** Called once by each user. The last one closes the resource. @throws the error of the close. */
  leave: () => Promise<void>;
}

interface Shared<Resource> {
  resource: Promise<Resource>;
  users: number;
}

/**
 * Shares resources by their keys: the first user of a key opens its resource, and the last one closes it. A user who
 * comes while the resource is being closed waits, and then opens it again.
 *
 * @returns A function that a user calls. It throws the error of `open`; the next user tries again.
 */
export function createShares<Resource extends AsyncDisposable>(
  open: (key: string) => Promise<Resource>,
): (key: string) => Promise<Share<Resource>> {
  const opened = new Map<string, Shared<Resource>>();
  const closing = new Map<string, Promise<void>>();

  const leave = async (key: string, shared: Shared<Resource>): Promise<void> => {
    shared.users--;
    if (shared.users > 0) return;
    opened.delete(key);
    const closed = close(shared.resource);
    // An error of the close goes to the user who closed, not to the user who waits.
    const over = closed.catch(() => {});
    closing.set(key, over);
    await over;
    if (closing.get(key) === over) closing.delete(key);
    await closed;
  };

  return async (key) => {
    const shared = opened.get(key) ?? {
      resource: (closing.get(key) ?? Promise.resolve()).then(() => open(key)),
      users: 0,
    };
    opened.set(key, shared);
    shared.users++;
    try {
      return { resource: await shared.resource, leave: () => leave(key, shared) };
    } catch (error) {
      await leave(key, shared);
      throw error;
    }
  };
}

async function close(opening: Promise<AsyncDisposable>): Promise<void> {
  // If the resource was not opened, there is nothing to close.
  const resource = await opening.catch(() => undefined);
  await resource?.[Symbol.asyncDispose]();
}
