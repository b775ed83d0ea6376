/** A binary min-heap of numbers in a typed array that grows and is kept for the next use. */
export interface NumberHeap {
  clear(): void;
  /** Adds without restoring order; `heapify` must come before the first `pop`. */
  append(key: number): void;
  heapify(): void;
  push(key: number): void;
  /** The smallest key, or -1 when empty. */
  pop(): number;
}

export function createNumberHeap(): NumberHeap {
  let keys = new Float64Array(1024);
  let size = 0;

  const grow = (): void => {
    const larger = new Float64Array(keys.length * 2);
    larger.set(keys);
    keys = larger;
  };
  const at = (index: number): number => keys[index]!;
  const sink = (key: number, start: number): void => {
    let hole = start;
    for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && at(child + 1) < at(child)) child++;
      if (at(child) >= key) break;
      keys[hole] = at(child);
      hole = child;
    }
    keys[hole] = key;
  };
  const append = (key: number): void => {
    if (size === keys.length) grow();
    keys[size++] = key;
  };

  return {
    append,
    clear() {
      size = 0;
    },
    heapify() {
      for (let index = (size >> 1) - 1; index >= 0; index--) sink(at(index), index);
    },
    push(key) {
      append(key);
      let hole = size - 1;
      for (let parent = (hole - 1) >> 1; hole > 0 && at(parent) > key; parent = (hole - 1) >> 1) {
        keys[hole] = at(parent);
        hole = parent;
      }
      keys[hole] = key;
    },
    pop() {
      if (size === 0) return -1;
      const smallest = at(0);
      const last = at(--size);
      if (size > 0) sink(last, 0);
      return smallest;
    },
  };
}
