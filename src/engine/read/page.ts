/** A page of a list, and whether there are more items after it. */
export interface Page<Item> {
  items: Item[];
  more: boolean;
}

/** Reads a page. It reads one row more than `limit`, to learn whether there is another page. */
export async function readPage<Item>(
  limit: number,
  read: (rowsMax: number) => Promise<readonly Item[]>,
): Promise<Page<Item>> {
  const rows = await read(limit + 1);
  return { items: rows.slice(0, limit), more: rows.length > limit };
}
