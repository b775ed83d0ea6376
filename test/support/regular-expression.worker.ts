import { parentPort } from "node:worker_threads";

const CHARACTERS = 100_000;
const PIECES = [
  "a",
  "A",
  "0",
  " ",
  "\n",
  "-",
  "/",
  ":",
  ".",
  "=",
  "@",
  "_",
  "[",
  '"',
  "\\",
  "\u00e9",
  "\u4e00",
];
const PHRASES = ["a.", "a/", "-v1:0", "-2025-09-29", "://a:", "0a", "Aa", " a", "'s", ".ft-", "\r\n", "!?"];

/**
 * Long texts of one repeated piece, after every start that the pattern itself suggests, and before an end that does not
 * match.
 */
function* texts(source: string): Generator<string> {
  const own = source.match(/[A-Za-z0-9]+|[^A-Za-z0-9\\^$()[\]{}|?*+]/g) ?? [];
  for (const piece of new Set([...PIECES, ...PHRASES, ...own])) {
    const run = piece.repeat(Math.ceil(CHARACTERS / piece.length));
    yield `${run}\u0001`;
    yield `${own.join("")}${run}\u0001`;
  }
}

/** Searches each text in full, and answers when that is done. */
parentPort?.on("message", ({ source, flags }: { source: string; flags: string }) => {
  const pattern = new RegExp(source, flags);
  let matches = 0;
  for (const text of texts(source)) text.replace(pattern, () => String(matches++));
  parentPort?.postMessage(matches);
});
