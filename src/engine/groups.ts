import { createFairQueue, type FairQueue, type Queued } from "../domain/fair-queue.ts";

/** Does work on groups of items, for work on which a group costs little more than one item. */
export interface Groups<Item, Result> {
  /** How many items are in the queue. */
  readonly waiting: number;
  /** Whether the queue is empty and no group is running. */
  readonly isIdle: boolean;
  /** Whether one more item of a project may wait. A project may have as many as it leaves free for others. */
  hasRoom(project: string): boolean;
  /** Resolves with the item's result. Rejects with the error that `work` throws for its group. */
  submit(item: Item): Promise<Result>;
  /** Resolves when the queue is empty and no group is running. */
  drain(): Promise<void>;
}

interface Waiting<Item, Result> extends Queued {
  item: Item;
  resolve: (result: Result | Promise<Result>) => void;
  reject: (error: unknown) => void;
}

/** Projects take turns of one item, because the queue divides the largest cost by 16 turns. */
const COST_MAX = 16;
/** While items of several projects wait, a group has no more than this many of one of them. */
const SHARE_MAX = 64;

/**
 * Items that arrive while `inFlightMax` groups are running share the next group. There is no timer: if fewer groups are
 * running, an item starts in the same turn of the event loop.
 *
 * Projects take turns. So an item of a quiet project is in the next group, however many items of another project wait, and
 * this group is not large.
 *
 * @param options.itemsMax Items in one group, at most.
 * @param options.inFlightMax Groups that run at the same time, at most.
 * @param options.waitingMax Items that may wait, at most, for `hasRoom`. Absent: no limit.
 * @param options.quietMax Groups that may run beside these, at most, with items of projects that are in no running group. Such a
 *   project then does not wait for the groups of others. Absent: none.
 * @param options.projectOf The project of an item. Absent: all items are of one.
 * @param options.isAlone Whether an item needs a group of its own.
 * @param options.work Does the work of a group, and returns one result for each item, in order. A result may be a promise.
 *   Then the group ends without waiting for it, and only the submitter of the item waits.
 */
export function createGroups<Item, Result>(options: {
  itemsMax: number;
  inFlightMax: number;
  waitingMax?: number;
  quietMax?: number;
  projectOf?: (item: Item) => string;
  isAlone?: (item: Item) => boolean;
  work: (items: readonly Item[]) => Promise<readonly (Result | Promise<Result>)[]>;
}): Groups<Item, Result> {
  const { inFlightMax, waitingMax = Number.POSITIVE_INFINITY, quietMax = 0, projectOf = () => "" } = options;
  const queue = createFairQueue<Waiting<Item, Result>>(COST_MAX);
  const running = createRunning();
  let pumpScheduled = false;
  let drained: (() => void)[] = [];

  const schedulePump = (): void => {
    if (pumpScheduled) return;
    pumpScheduled = true;
    // setImmediate runs after all input that has arrived is read, so items that arrive together are in one group. This works
    // also when `work` never yields to the event loop, as with an embedded database.
    setImmediate(() => {
      pumpScheduled = false;
      pump();
    });
  };

  const pump = (): void => {
    while (queue.size > 0 && running.groups < inFlightMax) void run(takeGroup(queue, options, () => true));
    while (queue.size > 0 && running.groups < inFlightMax + quietMax) {
      const quiet = takeGroup(queue, options, (project) => !running.has(project));
      if (quiet.length === 0) break;
      void run(quiet);
    }
    if (queue.size > 0 || running.groups > 0) return;
    for (const resolve of drained.splice(0)) resolve();
  };

  const run = async (group: readonly Waiting<Item, Result>[]): Promise<void> => {
    const projects = new Set(group.map(({ caller }) => caller));
    running.begin(projects);
    try {
      const results = await options.work(group.map(({ item }) => item));
      group.forEach(({ resolve }, index) => resolve(results[index] as Result | Promise<Result>));
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      running.end(projects);
      schedulePump();
    }
  };

  return {
    get waiting() {
      return queue.size;
    },
    get isIdle() {
      return queue.size === 0 && running.groups === 0;
    },
    hasRoom: (project) => queue.sizeOf(project) < waitingMax - queue.size,
    submit: (item) =>
      new Promise((resolve, reject) => {
        queue.add({ item, caller: projectOf(item), cost: 1, resolve, reject });
        schedulePump();
      }),
    drain: () =>
      new Promise((resolve) => {
        drained = [...drained, resolve];
        schedulePump();
      }),
  };
}

/** Takes the next group. It is empty if no item may run. */
function takeGroup<Item, Result>(
  queue: FairQueue<Waiting<Item, Result>>,
  { itemsMax, isAlone }: { itemsMax: number; isAlone?: (item: Item) => boolean },
  mayRun: (project: string) => boolean,
): Waiting<Item, Result>[] {
  const group: Waiting<Item, Result>[] = [];
  const shareMax = queue.callers > 1 ? Math.min(SHARE_MAX, itemsMax) : itemsMax;
  const taken = new Map<string, number>();
  const isWanted = ({ item, caller }: Waiting<Item, Result>): boolean =>
    (taken.get(caller) ?? 0) < shareMax && mayRun(caller) && (group.length === 0 || isAlone?.(item) !== true);
  while (group.length < itemsMax) {
    const next = queue.take(isWanted);
    if (next === undefined) break;
    group.push(next);
    if (isAlone?.(next.item) === true) break;
    taken.set(next.caller, (taken.get(next.caller) ?? 0) + 1);
  }
  return group;
}

/** Counts the running groups, in total and for each project. */
function createRunning() {
  const byProject = new Map<string, number>();
  let groups = 0;
  const add = (projects: Iterable<string>, change: 1 | -1): void => {
    groups += change;
    for (const project of projects) {
      const count = (byProject.get(project) ?? 0) + change;
      if (count === 0) byProject.delete(project);
      else byProject.set(project, count);
    }
  };
  return {
    get groups() {
      return groups;
    },
    has: (project: string) => byProject.has(project),
    begin: (projects: Iterable<string>) => add(projects, 1),
    end: (projects: Iterable<string>) => add(projects, -1),
  };
}
