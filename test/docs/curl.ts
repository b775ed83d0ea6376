/**
 * Runs a curl command of a page with fetch, so that `npm test` needs no curl; `npm run test:interop` runs the same
 * commands with curl itself. It supports the options that the pages use, and refuses all others.
 */
export async function runCurl(
  command: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [program, ...words] = wordsOf(command, environment);
  if (program !== "curl") throw new Error(`not a curl command: ${command}`);
  const headers = new Headers();
  let body: string | undefined;
  let url: string | undefined;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    switch (word) {
      case "-s":
        break;
      case "-H": {
        const [name = "", value = ""] = (words.shift() ?? "").split(/: */, 2);
        headers.set(name, value);
        break;
      }
      case "--json":
        headers.set("content-type", "application/json");
        headers.set("accept", "application/json");
        body = words.shift();
        break;
      default:
        if (word.startsWith("-") || url !== undefined) throw new Error(`cannot run ${word} of: ${command}`);
        url = word;
    }
  }
  if (url === undefined) throw new Error(`no URL in: ${command}`);
  const method = body === undefined ? "GET" : "POST";
  return (await fetch(url, { method, headers, body })).text();
}

/** The words of a command. Words in double quotes may have variables. */
const wordsOf = (command: string, environment: Readonly<Record<string, string>>): string[] =>
  [...command.replaceAll("\\\n", " ").matchAll(/'([^']*)'|"([^"]*)"|[^\s'"]+/g)].map(
    ([word, single, double]) =>
      single ?? double?.replaceAll(/\$(\w+)/g, (_, name: string) => environment[name] ?? "") ?? word,
  );
