import { hash, randomBytes } from "node:crypto";

/** A key's secret: 256 random bits in base64url, after a prefix that tools which search code for secrets can recognise. */

const BYTES = 32;
const PREFIX_CHARACTERS = 9;

export const makeSecret = (): string => `pk_${randomBytes(BYTES).toString("base64url")}`;

/** What is stored of a secret. A fast hash is enough, because nobody can try 2^256 secrets. */
export const hashOf = (secret: string): string => hash("sha256", secret, "base64url");

/** The part of a secret that is shown, so that people can recognise the key. */
export const prefixOf = (secret: string): string => secret.slice(0, PREFIX_CHARACTERS);
