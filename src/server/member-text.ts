/**
 * The text of a member of a JSON object, exactly as it was written, or undefined where there is none. Parsed and written
 * again, it would change: JavaScript moves keys that look like integers to the front, and rounds long numbers.
 *
 * @param json The text of an object, known to be valid JSON. Of a name that comes twice, the last counts, as in JSON.parse.
 */
export function memberText(json: string, name: string): string | undefined {
  let depth = 0;
  let key: unknown;
  let valueStart: number | undefined;
  let found: string | undefined;
  const endValue = (at: number): void => {
    if (valueStart !== undefined && key === name) found = json.slice(valueStart, at).trim();
    valueStart = undefined;
  };
  for (let at = 0; at < json.length; at++) {
    const character = json[at] as string;
    if (character === '"') {
      const end = endOfString(json, at);
      if (depth === 1 && valueStart === undefined) key = JSON.parse(json.slice(at, end + 1));
      at = end;
    } else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") {
      depth--;
      if (depth === 0) endValue(at);
    } else if (depth === 1 && character === ":") valueStart = at + 1;
    else if (depth === 1 && character === ",") endValue(at);
  }
  return found;
}

/** Where the quote is that closes a string. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at;
}
