export type SortSteps = Generator<void, void, void>;

const DIGIT_BITS = 11;
const STEP_VALUES = 8192;

/**
 * Sorts numbers of at least 0 in place, in bounded steps. It is a radix sort, because the `sort` of a typed array
 * cannot be interrupted.
 */
export function* sortSteps(values: Int32Array): SortSteps {
  let largest = 0;
  for (let at = 0; at < values.length; at++) {
    if (values[at]! > largest) largest = values[at]!;
    if (at % STEP_VALUES === 0) yield;
  }
  let from = values;
  let to = new Int32Array(values.length);
  for (let shift = 0; shift < 31 && largest >>> shift > 0; shift += DIGIT_BITS) {
    yield* sortByDigit(from, to, shift);
    [from, to] = [to, from as Int32Array<ArrayBuffer>];
  }
  if (from !== values) values.set(from);
}

/** A stable sort by one digit. */
function* sortByDigit(from: Int32Array, to: Int32Array, shift: number): SortSteps {
  const mask = 2 ** DIGIT_BITS - 1;
  const places = new Int32Array(mask + 2);
  for (let at = 0; at < from.length; at++) {
    places[((from[at]! >>> shift) & mask) + 1]!++;
    if (at % STEP_VALUES === 0) yield;
  }
  for (let digit = 0; digit <= mask; digit++) places[digit + 1]! += places[digit]!;
  for (let at = 0; at < from.length; at++) {
    to[places[(from[at]! >>> shift) & mask]!++] = from[at]!;
    if (at % STEP_VALUES === 0) yield;
  }
}
