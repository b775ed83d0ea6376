/**
 * Removes the run of one character at the end of a text. A regular expression such as `/0+$/` takes quadratic time on a
 * long run that is not at the end, because it tries again from every character of the run.
 */
export function withoutTrailing(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end--;
  return text.slice(0, end);
}
