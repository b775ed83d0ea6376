/**
 * A text without the run of one character at its end. A regular expression such as `/0+$/` starts anew at every character
 * of a run that is not at the end, which takes time in proportion to the square of the length.
 */
export function withoutTrailing(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end--;
  return text.slice(0, end);
}
