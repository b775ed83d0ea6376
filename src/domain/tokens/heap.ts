/** A binary min-heap of numbers of at least 0. */
export interface NumberHeap {
  push(key: number): void;
  /** Returns the smallest key and keeps it. -1 if the heap is empty. */
  smallest(): number;
  /** Removes and returns the smallest key. -1 if the heap is empty. */
  pop(): number;
}

export function createNumberHeap(): NumberHeap {
  const keys: number[] = [];

  const rise = (key: number): void => {
    let hole = keys.length - 1;
    for (let parent = (hole - 1) >> 1; hole > 0 && keys[parent]! > key; parent = (hole - 1) >> 1) {
      keys[hole] = keys[parent]!;
      hole = parent;
    }
    keys[hole] = key;
  };
  const sink = (key: number): void => {
    let hole = 0;
    for (let child = 1; child < keys.length; child = 2 * hole + 1) {
      if (child + 1 < keys.length && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= key) break;
      keys[hole] = keys[child]!;
      hole = child;
    }
    keys[hole] = key;
  };

  return {
    push(key) {
      keys.push(key);
      rise(key);
    },
    smallest: () => keys[0] ?? -1,
    pop() {
      const smallest = keys[0] ?? -1;
      const last = keys.pop();
      if (last !== undefined && keys.length > 0) sink(last);
      return smallest;
    },
  };
}
