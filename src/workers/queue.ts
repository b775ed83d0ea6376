/** First in, first out, between those who add and those who wait to take. */
export interface Queue<Item> {
  /** Items that nobody has taken yet. */
  readonly size: number;
  add(item: Item): void;
  /** Removes an item that nobody has taken; false when it is not there. */
  remove(item: Item): boolean;
  /** The next item, once there is one; undefined after `close`. */
  take(): Promise<Item | undefined>;
  /** Ends every wait, and gives back what was not taken. */
  close(): Item[];
}

export function createQueue<Item>(): Queue<Item> {
  const items = new Set<Item>();
  const takers: ((item: Item | undefined) => void)[] = [];
  let closed = false;
  return {
    get size() {
      return items.size;
    },
    add(item) {
      const taker = takers.shift();
      if (taker === undefined) items.add(item);
      else taker(item);
    },
    remove: (item) => items.delete(item),
    async take() {
      if (closed) return undefined;
      const [item] = items;
      if (item === undefined) return await new Promise((resolve) => takers.push(resolve));
      items.delete(item);
      return item;
    },
    close() {
      closed = true;
      for (const taker of takers.splice(0)) taker(undefined);
      const left = [...items];
      items.clear();
      return left;
    },
  };
}
