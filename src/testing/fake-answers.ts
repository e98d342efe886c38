// The rules of the fake engine: proposals of all sorts, good and bad, and answers that are right with a chance that grows with skill.
import type { Random } from "../random.ts";
import { miniLiteral, type MiniProgram, parseMini, runMini } from "./mini-python.ts";

const blocks = (prompt: string): { name: string; text: string }[] =>
  [...prompt.matchAll(/<\|([a-z-]+)\|>([^]*?)(?=<\|[a-z-]+\|>|$)/g)].map((match) => ({ name: match[1]!, text: match[2]! }));

function proposal(random: Random): string {
  const whole = () => String(random.integer(20));
  const line = () => `    a = a ${random.choice(["+", "*", "-"])} ${1 + random.integer(4)}\n`;
  const body = Array.from({ length: random.integer(3) }, line).join("");
  const sort = random.integer(100);
  const program = (last: string) => `def f(a):\n${body}    return ${last}<|input|>${whole()}<|end|>`;
  if (sort < 6) return `def f(a):\n${body}    return a`;
  if (sort < 12) return `def f(a):\n    return a<|end|>`;
  if (sort < 18) return program("a a");
  if (sort < 24) return program("a // 0");
  if (sort < 28) return program("a + clock");
  if (sort < 31) return `def g(a):\n    return a<|input|>${whole()}<|end|>`;
  return program(`a ${random.choice(["+", "*"])} ${random.integer(6)}`);
}

function inputs(random: Random): string {
  const count = random.integer(8) === 0 ? 4 : 6;
  return `${Array.from({ length: count }, () => random.integer(60)).join("<|input|>")}<|end|>`;
}

function guess(program: string, text: string, right: boolean, random: Random): string {
  const wrong = () => String(random.integer(100) - 200);
  if (!right) return wrong();
  return String(runMini(parseMini(program), miniLiteral(text)) ?? wrong());
}

function findInput(program: MiniProgram, output: string): string {
  for (let input = 0; input <= 60; input++) if (String(runMini(program, input)) === output) return String(input);
  return output;
}

/** The straight line through two pairs, as a program; programs of the rules that are no line stay unsolved. */
function findProgram(pairs: { input: number; output: number }[]): string {
  const [first, second] = [pairs[0]!, pairs.find(({ input }) => input !== pairs[0]!.input) ?? pairs[0]!];
  const slope = first === second ? 1 : Math.round((second.output - first.output) / (second.input - first.input));
  return Number.isFinite(slope) ? `def f(x):\n    return x * ${slope} + ${first.output - slope * first.input}` : "def f(x):\n    return x";
}

/** What the fake model writes after a compact prompt. */
export function fakeAnswer(prompt: string, random: Random, skill: number): string {
  const parts = blocks(prompt);
  const task = parts[0]?.name ?? "";
  if (task === "propose-induction") return inputs(random);
  if (task.startsWith("propose-")) return proposal(random);
  const text = (name: string) => parts.find((part) => part.name === name)?.text ?? "";
  const program = text("program");
  const difficulty = task === "induce" ? 2 : program.split("\n").length - 1;
  const right = random.float() < 1 / (1 + Math.exp(difficulty - 1.5 - skill));
  if (random.integer(20) === 0) return "1<|program|>1<|end|>";
  if (task === "deduce") return `${guess(program, text("input"), right, random)}<|end|>`;
  if (task === "abduce") return `${right ? findInput(parseMini(program), text("output")) : random.integer(100)}<|end|>`;
  const values = (name: string) => parts.filter((part) => part.name === name).map((part) => Number(part.text));
  const outputs = values("output");
  const pairs = values("input").map((input, at) => ({ input, output: outputs[at]! }));
  return `${right && pairs.length > 0 ? findProgram(pairs) : `def f(x):\n    return x + ${random.integer(9)}`}<|end|>`;
}
