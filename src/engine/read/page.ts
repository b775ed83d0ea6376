/** A page of a list, and whether there are more items after it. */
export interface Page<Item> {
  items: Item[];
  more: boolean;
}

/** Rows that one statement reads, at most. To receive and to convert them keeps the thread for about a millisecond. */
export const SLICE_ROWS_MAX = 100;

/**
 * Reads a page in slices, so that other calls run between them. It reads one row more than `limit`, to learn whether there is
 * another page.
 *
 * @param read Reads up to `rowsMax` items that come after `last`; the first ones of the page if it is undefined. With fewer
 *   items, the list ends.
 */
export async function readPage<Item>(
  limit: number,
  read: (rowsMax: number, last: Item | undefined) => Promise<readonly Item[]>,
): Promise<Page<Item>> {
  const items: Item[] = [];
  for (let isEnd = false; !isEnd && items.length <= limit; ) {
    const rowsMax = Math.min(SLICE_ROWS_MAX, limit + 1 - items.length);
    const rows = await read(rowsMax, items.at(-1));
    items.push(...rows);
    isEnd = rows.length < rowsMax;
  }
  return { items: items.slice(0, limit), more: items.length > limit };
}
