import { type ColumnType, type RawBuilder, sql } from "kysely";
import type { Cell } from "./array-text.ts";
import type { Codec, SentAs } from "./codecs.ts";
import type { Part } from "./parts.ts";
import { relation } from "./unnest.ts";

/** The name of a field, or the path of a field in a nested object, such as `period.unit`. */
type PathOf<Value> = {
  [Field in keyof Value & string]:
    | Field
    | `${Field}.${keyof Exclude<Value[Field], undefined | readonly unknown[]> & string}`;
}[keyof Value & string];

/** The type of the field at a path. It includes undefined if the nested object may be absent. */
type AtPath<Value, Path> = Path extends `${infer Field}.${infer Inner}`
  ? Field extends keyof Value
    ?
        | (Inner extends keyof NonNullable<Value[Field]> ? NonNullable<Value[Field]>[Inner] : never)
        | Extract<Value[Field], undefined>
    : never
  : Path extends keyof Value
    ? Value[Path]
    : never;

/** The field of the domain's value that a column stores, and the codec that converts it. */
type Place = readonly [
  path: string,
  codec: {
    readonly sentAs: SentAs;
    readonly sql: (name: string) => string;
    readonly toCell: (value: never) => Cell;
    readonly fromSelected: (selected: never) => unknown;
    readonly written?: unknown;
  },
];
type Places = Readonly<Record<string, Place>>;

type SelectedOf<P extends Place> = Parameters<P[1]["fromSelected"]>[0];
type WrittenOf<P extends Place> = Exclude<P[1]["written"], undefined>;

/** Makes it a type error if a path does not exist, or if a codec has another type than its field. */
type Checked<Value, P extends Places> = {
  [Name in keyof P]: P[Name][0] extends PathOf<Value>
    ? readonly [P[Name][0], Codec<AtPath<Value, P[Name][0]>, SelectedOf<P[Name]>, WrittenOf<P[Name]>>]
    : never;
};

/** The fields that no column stores. If there are any, the call of `table` is a type error. */
type Unlisted<Value, P extends Places> = Exclude<
  keyof Value & string,
  P[keyof P][0] extends infer Path ? (Path extends `${infer Field}.${string}` ? Field : Path) : never
>;

interface Column<Value> {
  readonly name: string;
  readonly sentAs: SentAs;
  /** SQL for the column's value, in a statement that selects from the relation `row`. */
  readonly sql: string;
  toCell(value: Value): Cell;
}

/** A table, and how its columns map to a value of the domain. */
export interface Table<Value, Row, Name extends string> {
  readonly name: string;
  readonly key: readonly Name[];
  readonly columns: ReadonlyMap<Name, Column<Value>>;
  fromRow(row: Row): Value;
  /** Exists only for the type. No table sets it. */
  readonly kysely?: unknown;
}

/** The type of a row that a query returns. */
export type RowOf<T> = T extends { fromRow(row: infer Row): unknown } ? Row : never;

/** The type of the table for Kysely. */
export type KyselyTable<T extends { readonly kysely?: unknown }> = Exclude<T["kysely"], undefined>;

type RowFrom<P extends Places> = { [Name in keyof P]: SelectedOf<P[Name]> };
type KyselyFrom<P extends Places> = {
  [Name in keyof P]: ColumnType<SelectedOf<P[Name]>, WrittenOf<P[Name]>, WrittenOf<P[Name]>>;
};

/**
 * Defines how values of the domain are stored in a table. Each column names its field and its codec. A path such as `period.unit`
 * names a field of a nested object, which is absent when all of its columns are null. Types and statements are derived from this.
 */
export const table =
  <Value extends object>() =>
  <const P extends Places>(
    name: string,
    key: readonly (keyof P & string)[],
    places: P &
      Checked<Value, P> &
      (Unlisted<Value, P> extends never ? unknown : { missing: Unlisted<Value, P> }),
  ): Table<Value, RowFrom<P>, keyof P & string> & { readonly kysely?: KyselyFrom<P> } => {
    const fields = Object.entries(places as Places).map(([column, [path, codec]]) =>
      fieldOf(column, path, codec),
    );
    return {
      name,
      key,
      columns: new Map(fields.map((field) => [field.name as keyof P & string, field])),
      fromRow: rowReader(fields) as (row: RowFrom<P>) => Value,
    };
  };

type Plain = Record<string, unknown>;

interface Field extends Column<object> {
  /** The name of the field, and if that is an object, the name of the field in it. */
  readonly outer: string;
  readonly inner: string | undefined;
  readonly fromSelected: (selected: unknown) => unknown;
}

function fieldOf(name: string, path: string, codec: Place[1]): Field {
  const [outer = "", inner] = path.split(".");
  const { sentAs, toCell, fromSelected } = codec as unknown as Codec<unknown, unknown>;
  return {
    name,
    sentAs,
    sql: codec.sql(name),
    outer,
    inner,
    fromSelected,
    toCell:
      inner === undefined
        ? (value) => toCell((value as Plain)[outer])
        : (value) => toCell((value as Record<string, Plain | undefined>)[outer]?.[inner]),
  };
}

/** Makes a function that turns a row into a value of the domain. */
function rowReader(fields: readonly Field[]): (row: Readonly<Plain>) => Plain {
  const flat = fields.filter((field) => field.inner === undefined);
  const objects = [
    ...Map.groupBy(
      fields.filter((field) => field.inner !== undefined),
      (field) => field.outer,
    ),
  ];
  // V8 gives a copy of this object fast properties. An object to which as many fields are added one by one gets slow ones.
  const empty = JSON.parse(
    JSON.stringify(Object.fromEntries(fields.map(({ outer }) => [outer, null]))),
  ) as Plain;
  return (row) => {
    const value = { ...empty };
    for (const { name, outer, fromSelected } of flat) value[outer] = fromSelected(row[name]);
    for (const [outer, inners] of objects) value[outer] = readObject(row, inners);
    return value;
  };
}

function readObject(row: Readonly<Plain>, fields: readonly Field[]): Plain | undefined {
  const entries = fields.map(
    ({ name, inner = "", fromSelected }) => [inner, fromSelected(row[name])] as const,
  );
  return entries.every(([, value]) => value === undefined) ? undefined : Object.fromEntries(entries);
}

interface StatementOptions {
  /** The name of the part. It must be unique among the parts that are written together. */
  name?: string;
  /** A condition for a row to be written. It may use the sent row as `row`, and in updates and deletes the stored row as `old`. */
  where?: RawBuilder<unknown>;
  /** See `relation`. */
  oneProject?: boolean;
}

const joined = (columns: readonly { name: string }[]): RawBuilder<unknown> =>
  sql.raw(columns.map((column) => column.name).join(", "));

const sent = <Value>(
  columns: readonly Column<Value>[],
  values: readonly Value[],
  options: StatementOptions,
): RawBuilder<unknown> =>
  relation(
    columns.map((column) => ({
      name: column.name,
      sentAs: column.sentAs,
      cells: values.map((value) => column.toCell(value)),
    })),
    "row",
    options,
  );

/** Inserts values, in their order. */
export function insertRows<Value>(
  { name, columns }: Table<Value, never, string>,
  values: readonly Value[],
  options: StatementOptions & { onConflict?: RawBuilder<unknown> } = {},
): Part {
  const all = [...columns.values()];
  const { where = sql`true`, onConflict = sql`` } = options;
  const statement = sql`
    insert into ${sql.raw(name)} (${joined(all)})
    select ${sql.raw(all.map((column) => column.sql).join(", "))}
    from ${sent(all, values, options)}
    where ${where} ${onConflict}`;
  return { name: options.name ?? `inserted_${name}`, statement, rows: values.length };
}

/** Updates the columns `changing` of the rows that have the keys of these values. */
export function updateRows<Value, Name extends string>(
  table: Table<Value, never, Name>,
  changing: readonly Name[],
  values: readonly Value[],
  options: StatementOptions = {},
): Part {
  const changed = columnsOf(table, changing);
  const keys = columnsOf(table, table.key);
  const { where = sql`true` } = options;
  const statement = sql`
    update ${sql.raw(table.name)} old
    set ${sql.raw(changed.map((column) => `${column.name} = ${column.sql}`).join(", "))}
    from ${sent([...keys, ...changed], values, options)}
    where ${matching(keys)} and ${where}`;
  return { name: options.name ?? `updated_${table.name}`, statement, rows: values.length };
}

/**
 * Deletes the rows that have the keys of these values. With `options.key`, which is a part of the key, it deletes all rows that
 * match this part, and their number is not checked.
 */
export function deleteRows<Value, Name extends string>(
  table: Table<Value, never, Name>,
  values: readonly Value[] | readonly Partial<Value>[],
  options: StatementOptions & { key?: readonly Name[] } = {},
): Part {
  const keys = columnsOf(table, options.key ?? table.key);
  const { where = sql`true` } = options;
  const statement = sql`
    delete from ${sql.raw(table.name)} old
    using ${sent(keys, values as readonly Value[], options)}
    where ${matching(keys)} and ${where}`;
  const rows = options.key === undefined ? values.length : undefined;
  return { name: options.name ?? `deleted_${table.name}`, statement, rows };
}

/** All columns of a table except `others`. */
export const columnsBut = <Name extends string>(
  { columns }: Pick<Table<unknown, never, Name>, "columns">,
  others: readonly NoInfer<Name>[],
): Name[] => [...columns.keys()].filter((name) => !others.includes(name));

const columnsOf = <Value, Name extends string>(
  { columns }: Table<Value, never, Name>,
  names: readonly Name[],
): Column<Value>[] => names.flatMap((name) => columns.get(name) ?? []);

const matching = (keys: readonly { name: string }[]): RawBuilder<unknown> =>
  sql.raw(keys.map(({ name }) => `old.${name} = row.${name}`).join(" and "));
