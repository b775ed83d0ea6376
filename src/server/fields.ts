import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../domain/errors.ts";
import type { NanoUsd } from "../domain/money.ts";
import { checkName, checkText } from "../domain/name.ts";
import type { InstantUs } from "../domain/period.ts";

/**
 * Checks of single fields for the handlers. Each check takes the path of the field in the proto, for the error, and
 * returns the value. All checks throw INVALID_FIELD.
 */

const REQUEST_ID_BYTES_MAX = 128;

export { checkName } from "../domain/name.ts";

/** A name. Undefined if it is empty. */
export const checkOptionalName = (field: string, name: string): string | undefined =>
  name === "" ? undefined : checkName(field, name);

/**
 * An id of up to 128 bytes of UTF-8 without control characters, which does not begin with U+FEFF. Undefined if it is
 * empty.
 */
export const checkRequestId = (id: string, field = "request_id"): string | undefined =>
  checkOptionalText(field, id, REQUEST_ID_BYTES_MAX);

/** A text of up to `bytesMax` bytes, with the same characters as a name. Undefined if it is empty. */
export const checkOptionalText = (field: string, text: string, bytesMax: number): string | undefined =>
  text === "" ? undefined : checkText(field, text, bytesMax);

/** An amount of 0 or more. */
export const checkAmount = (field: string, amount: NanoUsd): NanoUsd => {
  if (amount < 0n) throw invalidField(field, `must be 0 or more, not ${amount}`);
  return amount;
};

/** A count from 0 to Number.MAX_SAFE_INTEGER. */
export const checkCount = (field: string, count: bigint): number => {
  if (count < 0n || count > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw invalidField(field, `must be 0 to ${Number.MAX_SAFE_INTEGER}, not ${count}`);
  }
  return Number(count);
};

const SECONDS_MIN = BigInt(Date.parse("0001-01-01T00:00:00Z")) / 1000n;
const SECONDS_MAX = BigInt(Date.parse("9999-12-31T23:59:59Z")) / 1000n;
const NANOS_MAX = 999_999_999;
const US_PER_SECOND = 1_000_000n;
const NS_PER_US = 1000;

/** An instant from year 1 to 9999, truncated to microseconds. */
export function checkTimestamp(field: string, timestamp: Timestamp): InstantUs {
  const { seconds, nanos } = timestamp;
  if (seconds < SECONDS_MIN || seconds > SECONDS_MAX || nanos < 0 || nanos > NANOS_MAX) {
    throw invalidField(
      field,
      "must be a timestamp from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z",
    );
  }
  return seconds * US_PER_SECOND + BigInt(Math.floor(nanos / NS_PER_US));
}

/** A range of instants. Its end, which is exclusive, is after its start. Undefined: no bound. */
export function checkTimeRange(range: {
  startTime?: Timestamp | undefined;
  endTime?: Timestamp | undefined;
}): {
  startUs: InstantUs | undefined;
  endUs: InstantUs | undefined;
} {
  const startUs = range.startTime && checkTimestamp("start_time", range.startTime);
  const endUs = range.endTime && checkTimestamp("end_time", range.endTime);
  if (startUs !== undefined && endUs !== undefined && endUs <= startUs) {
    throw invalidField("end_time", "must be after start_time");
  }
  return { startUs, endUs };
}

/** Converts an instant to a protobuf timestamp. */
export function toTimestamp(instantUs: InstantUs): Timestamp {
  const timestamp = timestampFromMs(0);
  const remainderUs = ((instantUs % US_PER_SECOND) + US_PER_SECOND) % US_PER_SECOND;
  timestamp.seconds = (instantUs - remainderUs) / US_PER_SECOND;
  timestamp.nanos = Number(remainderUs) * NS_PER_US;
  return timestamp;
}

const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 1000;

/** The page size, by AIP-158: 0 means the default, and a value above the maximum means the maximum. */
export function checkPageSize(size: number): number {
  if (size < 0) throw invalidField("page_size", `must be 0 or more, not ${size}`);
  return size === 0 ? PAGE_SIZE_DEFAULT : Math.min(size, PAGE_SIZE_MAX);
}
