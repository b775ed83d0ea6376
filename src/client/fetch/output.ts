import { OUTPUT_CHARACTERS_MAX } from "./api.ts";

/** Collects the text of an answer from its pieces. Each piece is added to its part of the answer. */
export interface Output {
  add(part: string, piece: unknown): void;
  text(): string;
}

export function createOutput(): Output {
  const parts = new Map<string, string>();
  let characters = 0;
  return {
    add(part, piece) {
      if (typeof piece !== "string" || piece === "" || characters + piece.length > OUTPUT_CHARACTERS_MAX)
        return;
      characters += piece.length;
      parts.set(part, (parts.get(part) ?? "") + piece);
    },
    text: () => [...parts.values()].join("\n"),
  };
}
