// A tiny subset of Python for tests without a Python: `def f(a):`, lines `name = expression`, `return expression` over whole numbers,
// names, + - * // and brackets. fake-executor.ts runs it; fake-engine.ts writes it. An argument that is no number is passed through.

/** A value is a whole number, or any other literal kept as text. */
export type MiniValue = number | string;

export interface MiniProgram {
  name: string;
  parameter: string;
  lines: { target: string | undefined; expression: MiniNode }[];
}

type MiniNode =
  | { type: "number"; value: number }
  | { type: "name"; name: string }
  | { type: "operation"; operator: string; left: MiniNode; right: MiniNode };

/** What Python would raise: the name of the exception class and its message. */
export class MiniError {
  readonly name: string;
  readonly message: string;
  constructor(name: string, message: string) {
    this.name = name;
    this.message = message;
  }
}

function parseExpression(text: string): MiniNode {
  const tokens = text.match(/\d+|[A-Za-z_]\w*|\/\/|[-+*()]|\S/g) ?? [];
  let at = 0;
  const syntax = () => new MiniError("SyntaxError", `invalid syntax: ${text}`);
  function atom(): MiniNode {
    const token = tokens[at++];
    if (token === undefined) throw syntax();
    if (/^\d+$/.test(token)) return { type: "number", value: Number(token) };
    if (/^[A-Za-z_]/.test(token)) return { type: "name", name: token };
    if (token === "-") return { type: "operation", operator: "-", left: { type: "number", value: 0 }, right: atom() };
    if (token !== "(") throw syntax();
    const inner = sum();
    if (tokens[at++] !== ")") throw syntax();
    return inner;
  }
  function chain(operators: string[], next: () => MiniNode): MiniNode {
    let left = next();
    while (operators.includes(tokens[at] ?? "")) left = { type: "operation", operator: tokens[at++]!, left, right: next() };
    return left;
  }
  const product = () => chain(["*", "//"], atom);
  const sum = (): MiniNode => chain(["+", "-"], product);
  const node = sum();
  if (at !== tokens.length) throw syntax();
  return node;
}

/** Throws a MiniError for text outside the subset. */
export function parseMini(program: string): MiniProgram {
  const [head = "", ...body] = program.trimEnd().split("\n");
  const definition = /^def (\w+)\((\w+)\):$/.exec(head);
  if (definition === null || body.length === 0) throw new MiniError("SyntaxError", "invalid syntax");
  const lines = body.map((line) => {
    const match = /^    (?:return |(\w+) = )(.+)$/.exec(line);
    if (match === null) throw new MiniError("SyntaxError", `invalid syntax: ${line}`);
    return { target: match[1], expression: parseExpression(match[2]!) };
  });
  return { name: definition[1]!, parameter: definition[2]!, lines };
}

function evaluate(node: MiniNode, names: Map<string, MiniValue>): MiniValue {
  if (node.type === "number") return node.value;
  if (node.type === "name") {
    const value = names.get(node.name);
    if (value === undefined) throw new MiniError("NameError", `name '${node.name}' is not defined`);
    return value;
  }
  const left = evaluate(node.left, names);
  const right = evaluate(node.right, names);
  if (typeof left === "string" || typeof right === "string") throw new MiniError("TypeError", `unsupported operand types for ${node.operator}`);
  if (node.operator === "+") return left + right;
  if (node.operator === "-") return left - right;
  if (node.operator === "*") return left * right;
  if (right === 0) throw new MiniError("ZeroDivisionError", "integer division or modulo by zero");
  return Math.floor(left / right);
}

/** The literal's value: a number where it is one. */
export const miniLiteral = (text: string): MiniValue => (/^\s*-?\d+\s*$/.test(text) ? Number(text) : text.trim());

/** Calls `f` with one argument. The name `clock` stands for something that differs between processes. Throws a MiniError. */
export function runMini({ parameter, lines }: MiniProgram, argument: MiniValue, clock = 1): MiniValue {
  const names = new Map<string, MiniValue>([[parameter, argument], ["clock", clock]]);
  for (const { target, expression } of lines) {
    const value = evaluate(expression, names);
    if (target === undefined) return value;
    names.set(target, value);
  }
  return "None";
}

/** The program with its names replaced by their order of appearance. */
export function normaliseMini(program: MiniProgram): string {
  const order = new Map<string, string>([[program.parameter, "v0"]]);
  const rename = (name: string): string => {
    if (!order.has(name)) order.set(name, `v${order.size}`);
    return order.get(name)!;
  };
  const show = (node: MiniNode): string => {
    if (node.type === "number") return String(node.value);
    return node.type === "name" ? rename(node.name) : `(${show(node.left)} ${node.operator} ${show(node.right)})`;
  };
  return program.lines.map(({ target, expression }) => {
    const text = show(expression);
    return target === undefined ? `return ${text}` : `${rename(target)} = ${text}`;
  }).join("; ");
}
