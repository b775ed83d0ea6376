import { stripTypeScriptTypes } from "node:module";
import { type AnyNode, parse, type Token } from "acorn";

/** The syntax tree of a TypeScript file. Its positions are those of the file itself. */
export interface Syntax {
  readonly text: string;
  readonly program: AnyNode;
  /** The position of the first token with this text, from a position on. */
  tokenAfter: (position: number, token: string) => number;
}

/**
 * Node replaces types by blanks, so what is left has the positions of the file, and acorn can read it.
 * @throws SyntaxError if the file has a syntax error.
 */
export function readSyntax(text: string): Syntax {
  const stripped = stripTypeScriptTypes(text, { mode: "strip" });
  if (stripped.length !== text.length) throw new Error("stripping the types has moved the code");
  const tokens: Token[] = [];
  const program = parse(stripped, { ecmaVersion: "latest", sourceType: "module", onToken: tokens });
  return {
    text,
    program,
    tokenAfter(position, token) {
      const found = tokens.find(
        ({ start, end }) => start >= position && stripped.slice(start, end) === token,
      );
      if (found === undefined) throw new Error(`there is no ${token} after position ${position}`);
      return found.start;
    },
  };
}

/** Calls `visit` with every node and its ancestors, the nearest first. It returns false to leave a node's children out. */
export function walk(
  node: AnyNode,
  visit: (node: AnyNode, ancestors: readonly AnyNode[]) => boolean,
  ancestors: readonly AnyNode[] = [],
): void {
  if (!visit(node, ancestors)) return;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) walk(child, visit, [node, ...ancestors]);
    }
  }
}

const isNode = (value: unknown): value is AnyNode =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
