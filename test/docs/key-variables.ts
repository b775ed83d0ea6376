/** The variables of a page's shell that hold keys. A reader copies the secret that CreateKey has shown. */
export interface KeyVariables {
  readonly values: Readonly<Record<string, string>>;
  /** Remembers a secret in what a command has printed. */
  noteSecret(printed: string): void;
  /** Whether a command is such as `export PURSER_KEY=pk_…`. */
  isExport(command: string): boolean;
  /** Does what the command says, with the last secret. @throws Error when no command has shown one */
  export(command: string): void;
}

const EXPORT = /^export (\w+)=pk_…$/;

export function createKeyVariables(): KeyVariables {
  const values: Record<string, string> = {};
  let last: string | undefined;
  return {
    values,
    noteSecret(printed) {
      last = /"secret": *"(pk_[\w-]{43})"/.exec(printed)?.[1] ?? last;
    },
    isExport: (command) => EXPORT.test(command),
    export(command) {
      const [, name = ""] = EXPORT.exec(command) ?? [];
      if (last === undefined) throw new Error(`no command has shown a secret before: ${command}`);
      values[name] = last;
    },
  };
}
