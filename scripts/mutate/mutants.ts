import type { AnyNode, LogicalExpression } from "acorn";
import { type Edit, OPERATORS } from "./operators.ts";
import { readSyntax, type Syntax, walk } from "./syntax.ts";

/** A file with one small bug in it. */
export interface Mutant {
  /** The file's path from the root of the repository. */
  readonly path: string;
  readonly line: number;
  /** A test can notice the bug only if it executes this position. */
  readonly position: number;
  readonly before: string;
  readonly after: string;
  /** The whole text of the file with the bug. */
  readonly text: string;
}

const SHOWN_CHARACTERS_MAX = 90;
const SHOWN_BEFORE_EDIT_MAX = 40;

/** All mutants of a file, in the order of their positions. @throws SyntaxError */
export function mutantsOf(path: string, text: string): Mutant[] {
  const syntax = readSyntax(text);
  const found = new Map<string, Mutant>();
  walk(syntax.program, (node, ancestors) => {
    if (isLeftOut(node, ancestors)) return false;
    // Each operator takes the nodes of its own type only.
    const operator = OPERATORS[node.type] as
      | ((node: AnyNode, syntax: Syntax, ancestors: readonly AnyNode[]) => Edit[])
      | undefined;
    for (const edit of isFallback(node) ? [] : (operator?.(node, syntax, ancestors) ?? [])) {
      const mutant = mutantOf(path, text, node, edit);
      found.set(mutant.text, mutant);
    }
    return true;
  });
  return [...found.values()].toSorted((a, b) => a.position - b.position);
}

/**
 * Code whose mutants tell nothing about the tests. CONTRIBUTING.md has this list too.
 * - Paths of modules: a wrong path fails every test.
 * - Texts of `new Error(...)`, `new TypeError(...)` and `new RangeError(...)`. They report defects in Purser itself; what
 *   callers read is a value of src/domain/errors.ts.
 * - Texts of the log, which nobody compares.
 * - Fallbacks that only the compiler asks for: `list[index] ?? 0`, and `[first = ""]` for a group of a match.
 * - `const unreachable: never = ...` and the rest of its branch, which never run.
 */
function isLeftOut(node: AnyNode, ancestors: readonly AnyNode[]): boolean {
  const [parent] = ancestors;
  if (node.type === "ImportDeclaration" || node.type === "ImportExpression") return true;
  if (node.type === "ExportAllDeclaration") return true;
  if (node.type === "SwitchCase" || node.type === "BlockStatement") {
    return (node.type === "SwitchCase" ? node.consequent : node.body).some(isUnreachable);
  }
  if (node.type === "NewExpression" && node.callee.type === "Identifier") {
    return ["Error", "TypeError", "RangeError", "URL"].includes(node.callee.name);
  }
  if (isFallbackValue(node, ancestors)) return true;
  const isText = node.type === "Literal" || node.type === "TemplateLiteral";
  if (parent?.type === "ExportNamedDeclaration") return isText;
  return isText && parent?.type === "CallExpression" && isLog(parent.callee);
}

/** A default without meaning of its own, for an item that is always there. */
const isEmptyValue = (node: AnyNode): boolean =>
  node.type === "Literal" && ["0", "0n", '""'].includes(node.raw ?? "");

/** `list[index] ?? 0` */
const isFallback = (node: AnyNode): node is LogicalExpression =>
  node.type === "LogicalExpression" &&
  node.operator === "??" &&
  node.left.type === "MemberExpression" &&
  node.left.computed &&
  isEmptyValue(node.right);

/** Whether a node is the 0 of `list[index] ?? 0`, or the "" of `[first = ""]`. */
function isFallbackValue(node: AnyNode, [parent, grandparent]: readonly AnyNode[]): boolean {
  if (parent === undefined || !isEmptyValue(node)) return false;
  if (isFallback(parent)) return parent.right === node;
  return parent.type === "AssignmentPattern" && grandparent?.type === "ArrayPattern";
}

const isUnreachable = (statement: AnyNode): boolean =>
  statement.type === "VariableDeclaration" &&
  statement.declarations.some(({ id }) => id.type === "Identifier" && id.name === "unreachable");

function isLog(callee: AnyNode): boolean {
  if (callee.type !== "MemberExpression") return false;
  const { object, property } = callee;
  const owner = object.type === "MemberExpression" ? object.property : object;
  return (
    owner.type === "Identifier" &&
    /^log(ger)?$/.test(owner.name) &&
    property.type === "Identifier" &&
    /^(trace|debug|info|warn|error|fatal)$/.test(property.name)
  );
}

/** Whether a text can be parsed. */
export function isValid(text: string): boolean {
  try {
    readSyntax(text);
    return true;
  } catch {
    return false;
  }
}

function mutantOf(path: string, text: string, node: AnyNode, edit: Edit): Mutant {
  const [start, end] = [Math.min(node.start, edit.start), Math.max(node.end, edit.end)];
  const shown = shownAround(start, edit);
  const head = (shown > start ? "…" : "") + text.slice(shown, edit.start);
  return {
    path,
    line: text.slice(0, edit.start).split("\n").length,
    position: edit.position ?? edit.start,
    before: shorten(head + text.slice(edit.start, end)),
    after: shorten(head + edit.text + text.slice(edit.end, end)),
    text: text.slice(0, edit.start) + edit.text + text.slice(edit.end),
  };
}

/** A long expression is shown from shortly before the edit. */
const shownAround = (start: number, edit: Edit): number =>
  Math.max(start, edit.start - SHOWN_BEFORE_EDIT_MAX);

function shorten(code: string): string {
  const line = code.trim().replaceAll(/\s+/g, " ");
  return line.length > SHOWN_CHARACTERS_MAX ? `${line.slice(0, SHOWN_CHARACTERS_MAX)}…` : line;
}
