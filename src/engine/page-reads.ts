import { createGroups } from "./groups.ts";

/**
 * Runs reads of pages, a few at a time, because a page may have thousands of rows. Projects take turns, so the pages of one
 * project neither take all connections nor delay the pages of another one.
 */
export interface PageReads {
  run<T>(project: string, read: () => Promise<T>): Promise<T>;
}

interface Job {
  project: string;
  read: () => Promise<unknown>;
}

/** Two, so that one page is being prepared while the database reads the other. */
const IN_FLIGHT_MAX = 2;
/** One more, of a project that has no page in work. */
const QUIET_MAX = 1;

export function createPageReads(): PageReads {
  const groups = createGroups<Job, unknown>({
    itemsMax: 1,
    inFlightMax: IN_FLIGHT_MAX,
    quietMax: QUIET_MAX,
    projectOf: ({ project }) => project,
    work: (jobs) => Promise.all(jobs.map(({ read }) => read())),
  });
  return {
    run: <T>(project: string, read: () => Promise<T>) => groups.submit({ project, read }) as Promise<T>,
  };
}
