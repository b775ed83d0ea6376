import { OUTPUT_CHARACTERS_MAX } from "./api.ts";

/** The texts of an answer, as they come in pieces, each under the part of the answer that it belongs to. */
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
