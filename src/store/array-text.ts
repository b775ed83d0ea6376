/** A list of texts as PostgreSQL's text of an array: for arrays inside rows that travel as arrays of columns. */
export const arrayText = (items: readonly string[]): string =>
  `{${items.map((item) => `"${item.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
