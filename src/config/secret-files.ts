import type { Setting } from "./kinds.ts";
import { SETTINGS } from "./settings.ts";

/** Secrets in files: for each setting that has a secret, such as DATABASE_URL, the path of a file in DATABASE_URL_FILE. */

/** A file that has the value of a setting cannot be used. The message is one line. */
export class SecretFileError extends Error {
  override name = "SecretFileError";
}

/** The variable that names the file of a setting. */
export const fileVariable = (name: string): string => `${name}_FILE`;

/** The settings that may be read from a file. */
export const SECRETS: readonly string[] = Object.entries<Setting<unknown>>(SETTINGS)
  .filter(([, { mayBeInFile }]) => mayBeInFile === true)
  .map(([name]) => name);

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Adds the values that are in files to an environment. A line break at the end of a file is not part of the value.
 *
 * @param readText Reads a file. It throws an error that says why the file cannot be read.
 * @throws SecretFileError with the name of the variable and the path.
 */
export function withSecretFiles(environment: Environment, readText: (path: string) => string): Environment {
  const values = SECRETS.flatMap((name) => {
    const variable = fileVariable(name);
    const path = environment[variable];
    if (path === undefined || path === "") return [];
    if ((environment[name] ?? "") !== "")
      throw new SecretFileError(`${name} and ${variable} are both set: remove one of them`);
    return [[name, readSecret(variable, path, readText)]];
  });
  return { ...environment, ...Object.fromEntries(values) };
}

function readSecret(variable: string, path: string, readText: (path: string) => string): string {
  const refused = (why: string, options?: ErrorOptions) =>
    new SecretFileError(`${variable}=${JSON.stringify(path)}: ${why}`, options);
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    throw refused((error as Error).message, { cause: error });
  }
  const value = text.replace(/\r?\n$/, "");
  if (value === "") throw refused("the file is empty");
  return value;
}
