import type { Kysely, Transaction } from "kysely";
import type { Schema } from "./schema.ts";

/** Either a transaction or the pool: for statements that do not care. */
export type Connection = Kysely<Schema> | Transaction<Schema>;
