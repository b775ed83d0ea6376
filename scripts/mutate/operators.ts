import type { AnyNode } from "acorn";
import type { Syntax } from "./syntax.ts";

/** A change of a text: the characters from `start` to before `end` are replaced. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** What a test must execute to notice the change, if that is not `start`. */
  readonly position?: number;
}

type NodeOf<Type extends AnyNode["type"]> = Extract<AnyNode, { type: Type }>;
/** The edits of a node of one type. `ancestors` starts with its parent. */
type Operator<Type extends AnyNode["type"]> = (
  node: NodeOf<Type>,
  syntax: Syntax,
  ancestors: readonly AnyNode[],
) => Edit[];

const BINARY: Readonly<Record<string, string>> = {
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "==": "!=",
  "!=": "==",
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "**": "*",
  "<<": ">>",
  ">>": "<<",
  ">>>": "<<",
  "&": "|",
  "|": "&",
  "^": "&",
};

const ASSIGNMENT: Readonly<Record<string, string>> = {
  "+=": "-=",
  "-=": "+=",
  "*=": "/=",
  "/=": "*=",
  "%=": "*=",
  "<<=": ">>=",
  ">>=": "<<=",
  "&=": "|=",
  "|=": "&=",
  "^=": "&=",
  "??=": "=",
  "||=": "&&=",
  "&&=": "||=",
};

/** Methods that return something like their object, so that a call can be left out. */
const REMOVED_METHODS = new Set(
  "filter sort toSorted reverse toReversed slice subarray flat trim trimStart trimEnd toLowerCase toUpperCase where orderBy limit".split(
    " ",
  ),
);

const REPLACED_METHODS: Readonly<Record<string, string>> = {
  some: "every",
  every: "some",
  min: "max",
  max: "min",
  startsWith: "endsWith",
  endsWith: "startsWith",
};

const replace = ({ start, end }: { start: number; end: number }, text: string): Edit => ({
  start,
  end,
  text,
});

const isText = (node: AnyNode): boolean =>
  (node.type === "Literal" && typeof node.value === "string") || node.type === "TemplateLiteral";

/** A condition that is always true, and one that is always false. */
const decided = (test: AnyNode): Edit[] =>
  test.type === "Literal" ? [] : [replace(test, "true"), replace(test, "false")];

/** Whether an `if` does nothing but this statement: without it, the condition might as well be false. */
function isWholeIf(statement: AnyNode, [parent, grandparent]: readonly AnyNode[]): boolean {
  const isAlone = parent?.type === "BlockStatement" && parent.body.length === 1;
  const [outer, inner] = isAlone ? [grandparent, parent] : [parent, statement];
  return outer?.type === "IfStatement" && outer.consequent === inner && outer.alternate == null;
}

const removed = (node: AnyNode, _: Syntax, ancestors: readonly AnyNode[]): Edit[] =>
  isWholeIf(node, ancestors) ? [] : [replace(node, ";")];

/** How nodes are changed, by their type. */
export const OPERATORS: { readonly [Type in AnyNode["type"]]?: Operator<Type> } = {
  BinaryExpression({ operator, left, right }, { tokenAfter }) {
    const other = BINARY[operator];
    if (other === undefined || (operator === "+" && (isText(left) || isText(right)))) return [];
    const start = tokenAfter(left.end, operator);
    return [{ start, end: start + operator.length, text: other }];
  },

  LogicalExpression(node, { tokenAfter }) {
    const { operator, left, right } = node;
    const start = tokenAfter(left.end, operator);
    if (operator === "??") return [{ start, end: node.end, text: "", position: right.start }];
    return [{ start, end: start + operator.length, text: operator === "&&" ? "||" : "&&" }];
  },

  AssignmentExpression({ operator, left }, { tokenAfter }) {
    const other = ASSIGNMENT[operator];
    if (other === undefined) return [];
    const start = tokenAfter(left.end, operator);
    return [{ start, end: start + operator.length, text: other }];
  },

  UnaryExpression({ operator, start }) {
    return operator === "!" || operator === "-" ? [{ start, end: start + 1, text: "" }] : [];
  },

  UpdateExpression(node, _, [parent]) {
    // The other direction in the head of a loop is a loop without an end.
    if (parent?.type === "ForStatement" && parent.update === node) return [];
    const start = node.prefix ? node.start : node.end - 2;
    return [{ start, end: start + 2, text: node.operator === "++" ? "--" : "++" }];
  },

  IfStatement: ({ test }) => decided(test),
  ConditionalExpression: ({ test }) => decided(test),
  // A condition that is always true is a loop without an end.
  WhileStatement: ({ test }) => (test.type === "Literal" ? [] : [replace(test, "false")]),
  ForStatement: ({ test }) => (test == null ? [] : [replace(test, "false")]),

  Literal(node, _, [parent]) {
    const isKey = parent?.type === "Property" && parent.key === node && !parent.computed;
    if (isKey || parent?.type === "ExpressionStatement") return [];
    if (typeof node.value === "boolean") return [replace(node, String(!node.value))];
    if (typeof node.value === "number") return [replace(node, String(node.value + 1))];
    if (typeof node.value === "bigint") return [replace(node, `${node.value + 1n}n`)];
    if (typeof node.value === "string") return [replace(node, node.value === "" ? '"mutant"' : '""')];
    return [];
  },

  TemplateLiteral: (node, _, [parent]) =>
    parent?.type === "TaggedTemplateExpression" ? [] : [replace(node, '""')],

  ExpressionStatement(node, syntax, ancestors) {
    const awaited = node.expression.type === "AwaitExpression" ? node.expression.argument : node.expression;
    const acted =
      awaited.type === "UnaryExpression" && awaited.operator === "void" ? awaited.argument : awaited;
    const isRemovable = ["CallExpression", "AssignmentExpression", "UpdateExpression"].includes(acted.type);
    const isSuper = acted.type === "CallExpression" && acted.callee.type === "Super";
    return isRemovable && !isSuper ? removed(node, syntax, ancestors) : [];
  },
  ThrowStatement: removed,
  ReturnStatement: (node, syntax, ancestors) =>
    node.argument == null ? [] : removed(node, syntax, ancestors),

  CallExpression(node, { tokenAfter }) {
    const { callee } = node;
    if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier" || node.optional)
      return [];
    const { name } = callee.property;
    const other = REPLACED_METHODS[name];
    if (other !== undefined) return [replace(callee.property, other)];
    if (!REMOVED_METHODS.has(name)) return [];
    return [{ start: tokenAfter(callee.object.end, callee.optional ? "?." : "."), end: node.end, text: "" }];
  },
};
