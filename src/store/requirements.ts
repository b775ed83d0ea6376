import { sql } from "kysely";
import type { Connection } from "./connection.ts";
import type { Database } from "./database.ts";

/** Purser cannot use the database. The message is one sentence that says why. */
export class DatabaseUnfit extends Error {
  override name = "DatabaseUnfit";
}

const VERSION_MIN = 14;

interface Traits {
  version: number;
  encoding: string;
  date_style: string;
  read_only: boolean;
  array_nulls: boolean;
}

async function readTraits(connection: Connection): Promise<Traits> {
  const result = await sql<Traits>`
    select
      current_setting('server_version_num')::integer as version,
      current_setting('server_encoding') as encoding,
      current_setting('DateStyle') as date_style,
      current_setting('array_nulls')::boolean as array_nulls,
      current_setting('transaction_read_only')::boolean as read_only
  `.execute(connection);
  return result.rows[0] as Traits;
}

/** Why Purser cannot use the database, as the end of a sentence about it. Undefined when it can. */
function faultOf({ version, encoding, date_style, read_only, array_nulls }: Traits): string | undefined {
  if (version < VERSION_MIN * 10_000) {
    return `is PostgreSQL ${Math.floor(version / 10_000)}, and Purser needs ${VERSION_MIN} or later`;
  }
  if (encoding !== "UTF8") {
    return `has the encoding ${encoding}, which cannot store every name; create one with: create database ... encoding 'UTF8' template template0`;
  }
  if (read_only) {
    return "is read-only: it is a standby, or default_transaction_read_only is on; set DATABASE_URL to the primary";
  }
  if (!date_style.startsWith("ISO")) {
    return `writes dates in the style ${date_style}, although each connection sets ISO: is there a pooler that does not keep DateStyle?`;
  }
  if (!array_nulls) return "has array_nulls off; remove that setting from the role and the database";
  return undefined;
}

/** @throws DatabaseUnfit when Purser cannot use the database */
export async function checkDatabase({ unlimited, name }: Database): Promise<void> {
  const fault = faultOf(await readTraits(unlimited));
  if (fault !== undefined) throw new DatabaseUnfit(`${name} ${fault}`);
}

/**
 * Whether the database answers, and Purser can use it.
 *
 * @param onReadOnly Called if it is read-only.
 */
export const isFit = (connection: Connection, onReadOnly: () => void): Promise<boolean> =>
  readTraits(connection).then(
    (traits) => {
      if (traits.read_only) onReadOnly();
      return faultOf(traits) === undefined;
    },
    () => false,
  );
