import type { Kysely, Transaction } from "kysely";
import type { Schema } from "./schema.ts";

/** A transaction or the pool, for statements that run on either. */
export type Connection = Kysely<Schema> | Transaction<Schema>;
