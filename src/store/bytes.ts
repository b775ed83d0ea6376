/** Puts texts into the order of their bytes in UTF-8: the database's order of names, in which rows are locked. */
export const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
