/** Compares texts by their bytes in UTF-8. The database orders names the same way, and rows are locked in this order. */
export const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
