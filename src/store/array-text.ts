/** A value that can be an element of an array parameter. */
export type Cell = string | bigint | number | null;

/**
 * Formats a list as PostgreSQL's text of an array. The driver's own function takes twice the time, and cannot format an array
 * inside of a row.
 */
export function arrayText(cells: Iterable<Cell>): string {
  let text = "{";
  for (const cell of cells) {
    if (text.length > 1) text += ",";
    text += typeof cell === "string" ? quoted(cell) : cell === null ? "NULL" : cell.toString();
  }
  return `${text}}`;
}

const quoted = (text: string): string =>
  SPECIAL.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : `"${text}"`;

const SPECIAL = /["\\]/;
