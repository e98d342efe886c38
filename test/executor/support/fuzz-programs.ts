// Cases from a seed for ../attacks.ts --fuzz: lines of the catalogue and honest programs, spliced, nested, cut and with extreme literals in them.
// Nobody knows what must come of one; only what must never come (fuzz.ts) is looked at.
import type { RunRequest } from "../../../src/executor/executor.ts";
import { readAttacks, takeover, whole } from "./attack-catalogue.ts";
import { honestPrograms } from "./honest-programs.ts";
import { choicesOf, type Choices } from "./program-parts.ts";

const extremes = [
  "0", "-1", "1", "2 ** 31", "-(2 ** 63)", "2 ** 63 - 1", "2 ** 64", "10 ** 30", "10 ** 5000", "1e308", "5e-324", "float('nan')", "float('inf')", "1j", "''",
  "'\\ud800'", "'\\x00'", "b'\\xff'", "[]", "()", "{}", "set()", "None", "True", "...", "f", "x", "type", "object", "globals()", "lambda *a, **k: a", "iter([])",
];
const literals = ["1e999", "-0.0", "{nan: 1, nan: 2}", "Decimal('sNaN')", "Fraction(-3, 9)", "OrderedDict({1: {}})", "Counter({'a': -1})", "deque([[]])", "a=1, b=2", "*[1]", "1, 2, 3"];
const keywords = ["return", "yield", "await", "not", "in", "is", "lambda", "if", "else", "for", "while", "try", "del", "global f", "raise", "assert", "import sys", "match", "class", "with"];
const boundAfter = new Set(["def", "class", "import", "from", "for", "as", "global", "nonlocal", "del"]);
const reserved = new Set(("def class import from for as global nonlocal del return lambda if else elif while try except finally with yield in is not and or pass raise "
  + "assert break continue async await match case self").split(" "));
const indented = (program: string): string => program.split("\n").map((line) => `    ${line}`).join("\n");

/** What stands around a program, with its `f` still to be found, or not. */
const nests: ((program: string) => string)[] = [
  (program) => `try:\n${indented(program)}\nexcept BaseException as problem: pass`,
  (program) => `class Place:\n${indented(program)}\nf = Place.__dict__.get('f')`,
  (program) => `def make():\n${indented(program)}\n    return locals().get('f')\nf = make()`,
  (program) => `exec(${JSON.stringify(program)}, globals())`,
  (program) => `${program}\ninner = f\ndef f(*a, **k):\n    try: return inner(*a, **k)\n    except BaseException as problem: return [problem.args]`,
  (program) => `${program}\ninner = f\ndef f(*a, **k): return [inner(*a, **k) for _ in range(3)]`,
  (program) => `${program}\nimport functools\nf = functools.lru_cache(f)`,
  (program) => `import sys, gc\nsys.setrecursionlimit(10 ** 8)\ngc.set_threshold(1)\n${program}`,
  (program) => `${program}\nimport collections\ninner = f\ndef f(*a, **k): return collections.OrderedDict({0: inner(*a, **k)}), {1: a}, k`,
  (program) => `import warnings\nwarnings.simplefilter('error')\n${program}`,
];

const tokensOf = (text: string): string[] => text.match(/\w+|\n[ \t]*|[ \t]+|[^\w\s]+|./gsu) ?? [];

function changeTokens(text: string, other: string, c: Choices): string {
  const tokens = tokensOf(text);
  const others = tokensOf(other);
  for (let change = c.int(1, 3); change > 0 && tokens.length > 0; change -= 1) {
    const at = c.int(0, tokens.length - 1);
    const kind = c.int(0, 24);
    if (kind === 0) tokens.splice(at, c.int(1, 3));
    else if (kind === 1) tokens.splice(at, 0, tokens[c.int(0, tokens.length - 1)]!);
    else if (kind === 2) tokens[at] = ` ${c.pick(keywords)} `;
    else if (kind === 3) tokens[at] = others[c.int(0, Math.max(0, others.length - 1))] ?? "";
    else if (kind === 4) tokens.splice(at, 0, ...others.slice(c.int(0, others.length), c.int(0, others.length)).slice(0, 40));
    else {
      // Mostly numbers and names: what is wrong there still runs, save where a name is bound.
      const binds = (place: number): boolean => boundAfter.has(tokens[place - 2] ?? "") || /^\s*=/.test(tokens.slice(place + 1, place + 3).join(""));
      const places = [...tokens.keys()].filter((place) => (kind < 8 ? /^[a-z_]\w*$/ : /^\d/).test(tokens[place]!) && !reserved.has(tokens[place]!) && !binds(place));
      if (places.length > 0) tokens[c.pick(places)] = `(${c.pick(extremes)})`;
    }
  }
  return tokens.join("");
}

function splice(a: string, b: string, c: Choices): string {
  const [first, second] = [a.split("\n"), b.split("\n")];
  if (c.int(0, 3) > 0) return `${b}\nother = globals().get('f')\n${a}\nmine = f\ndef f(*a, **k): return mine(*a, **k), other(*a, **k)`;
  return [...first.slice(0, c.int(0, first.length)), ...second.slice(c.int(0, second.length))].join("\n");
}

interface Part {
  program: string;
  inputs: string[];
  before: string;
}

/** A case for each number, always the same for the same seed. */
export function fuzzCases(seed: number): (number: number) => RunRequest {
  const attacks: Part[] = readAttacks().filter(({ program }) => program !== undefined).map(({ program, inputs = [], after }) => (
    { program: whole(program!), inputs: inputs.map(whole), before: after === undefined ? "" : takeover }
  ));
  const parts = [...attacks, ...honestPrograms(150, seed).map(({ program, inputs }) => ({ program, inputs, before: "" }))];
  return (number) => {
    const c = choicesOf(seed * 1_000_003 + number);
    const [one, two] = [c.pick(parts), c.pick(parts)];
    let program = one.program;
    if (c.int(0, 2) === 0) program = splice(program, two.program, c);
    if (c.int(0, 2) > 0) program = changeTokens(program, two.program, c);
    for (let depth = c.int(-1, 2); depth > 0; depth -= 1) program = c.pick(nests)(program);
    const inputs = Array.from({ length: c.int(1, 3) }, () => {
      const input = c.pick([...one.inputs, ...two.inputs, c.pick(literals), c.text(), c.ints(), c.matrix()]);
      return c.int(0, 4) === 0 ? changeTokens(input, two.program, c) : input;
    });
    // What takes over has to stand whole in front, or nothing of it works.
    const before = one.before || two.before;
    return {
      program: before + program,
      inputs,
      determinism: c.pick(["once", "once", "pair", "full"] as const),
      isolation: c.pick(["input", "program"] as const),
      limits: { cpuMs: c.pick([20, 60, 150]), memoryBytes: c.pick([4, 32, 128]) * 2 ** 20, outputBytes: c.pick([100, 4096, 65_536]) },
    };
  };
}
