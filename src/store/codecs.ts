import { arrayText, type Cell } from "./array-text.ts";
import { timestampText } from "./timestamps.ts";

/** The element type of the array parameter in which the values of a column are sent. */
export type SentAs = "text" | "bigint" | "integer";

/**
 * Writes and reads the values of a column. `Selected` is the type that a query returns. `Written` is the type that Kysely's
 * `values` and `set` accept.
 */
export interface Codec<Value, Selected, Written = Selected> {
  readonly sentAs: SentAs;
  /** SQL that converts the sent value, which is the column `name` of the relation `row`, to the column's type. */
  readonly sql: (name: string) => string;
  readonly toCell: (value: Value) => Cell;
  readonly fromSelected: (selected: Selected) => Value;
  /** Exists only for the type. No codec sets it. */
  readonly written?: Written;
}

const asSent = (name: string): string => `row.${name}`;
const castTo =
  (type: string) =>
  (name: string): string =>
    `row.${name}::${type}`;
const same = <T>(value: T): T => value;

export const text: Codec<string, string> = {
  sentAs: "text",
  sql: asSent,
  toCell: same,
  fromSelected: same,
};

/** One of a few words. A CHECK of the schema guarantees that there are no others. */
export const wordOf = <T extends string>(): Codec<T, T> => text as unknown as Codec<T, T>;

export const int8: Codec<bigint, bigint> = {
  sentAs: "bigint",
  sql: asSent,
  toCell: same,
  fromSelected: same,
};

export const int4: Codec<number, number> = {
  sentAs: "integer",
  sql: asSent,
  toCell: same,
  fromSelected: same,
};

export const bool: Codec<boolean, boolean> = {
  sentAs: "text",
  sql: castTo("boolean"),
  toCell: String,
  fromSelected: same,
};

/** An instant from year 1 to 9999, in microseconds. */
export const instant: Codec<bigint, bigint, string> = {
  sentAs: "text",
  sql: castTo("timestamptz"),
  toCell: timestampText,
  fromSelected: same,
};

/**
 * An instant of the database's clock, in microseconds. It is cheaper than `instant`, but exact only until the year 2255, because
 * PostgreSQL multiplies an interval by a double.
 */
export const clockInstant: Codec<bigint, bigint, string> = {
  sentAs: "bigint",
  sql: (name) => `timestamptz 'epoch' + row.${name} * interval '1 microsecond'`,
  toCell: same,
  fromSelected: same,
};

export const textArray: Codec<readonly string[], string[]> = {
  sentAs: "text",
  sql: castTo("text[]"),
  toCell: arrayText,
  fromSelected: same,
};

/** A value that needs no conversion to be stored as JSON. */
export const json = <T>(): Codec<T, unknown, string> => jsonOf<T>(same, (stored) => stored as T);

/** A value that is converted before it is stored as JSON. Amounts are stored as text, because numbers in JSON are not exact. */
export const jsonOf = <T, Stored = unknown>(
  toJson: (value: T) => Stored,
  fromJson: (stored: Stored) => T,
): Codec<T, unknown, string> => ({
  sentAs: "text",
  sql: castTo("jsonb"),
  toCell: (value) => JSON.stringify(toJson(value)),
  fromSelected: (selected) => fromJson(selected as Stored),
});

/** A nullable column. The value undefined is stored as null. */
export const optional = <Value, Selected, Written>(
  codec: Codec<Value, Selected, Written>,
): Codec<Value | undefined, Selected | null, Written | null> => ({
  sentAs: codec.sentAs,
  sql: codec.sql,
  toCell: (value) => (value === undefined ? null : codec.toCell(value)),
  fromSelected: (selected) => (selected === null ? undefined : codec.fromSelected(selected)),
});
