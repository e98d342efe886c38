// Properties of the written form of values, on seeded random ones of every type: the executor writes what plain CPython's values read as, what it
// writes it reads back as the same, the parser of this side takes it, and equality here is CPython's `==`.
import t from "tap";
import { parseValue, valuesEqual } from "../../src/executor/value.ts";
import { plainAnswers } from "./support/mixed-programs.ts";
import { openExecutorFor } from "./support/open.ts";
import { choicesOf } from "./support/program-parts.ts";
import { randomValue, spell, varied } from "./support/random-values.ts";

const executor = await openExecutorFor(t);
const identity = "def f(x): return x";
const count = 1500;

/** What the executor says of each literal, given back by a program. */
async function written(literals: string[]): Promise<string[]> {
  const { runs } = await executor.run({ program: identity, inputs: literals, isolation: "program", limits: { outputBytes: 2 ** 20 } });
  return runs.map(({ outcome, value, error, message }) => (outcome === "ok" ? value! : `${outcome} ${error ?? message}`));
}

t.test("values of every type, written, read and written again", async (t) => {
  const choices = choicesOf(20_261);
  const nodes = Array.from({ length: count }, (_, index) => randomValue(choices, index % 5));
  const literals = nodes.map(spell);
  const values = await written(literals);
  const plain = (await plainAnswers([{ program: identity, inputs: literals }]))[0]!.map(({ outcome, value, error }) => (outcome === "ok" ? value! : `${outcome} ${error}`));
  const same = values.filter((value, at) => value === plain[at]).length;
  for (const [at, value] of values.entries()) if (value !== plain[at]) t.equal(value, plain[at], literals[at]!);
  t.equal(same, count, `${count} values: the text is that of plain CPython`);

  t.same(await written(values), values, "given as input, a written value comes back as it was");
  for (let at = 0; at < count; at += 50) {
    const some = values.slice(at, at + 50);
    t.same(await executor.parse({ text: some.join(", "), arguments: true }), { ok: true, value: `(${some.join(", ")})` }, `parse, ${at} and on`);
  }
  for (const value of values) {
    if (!valuesEqual(value, value)) t.fail(`${value} does not equal itself`);
  }
  const kinds = new Set(values.map((value) => parseValue(value).kind));
  t.equal(kinds.size, 18, [...kinds].sort().join(" "));
});

t.test("equality is that of CPython", async (t) => {
  const choices = choicesOf(79);
  const pairs = Array.from({ length: count }, (_, index) => {
    const node = randomValue(choices, index % 4, { ordinary: true });
    return [spell(node), spell(varied(choices, node))] as const;
  });
  // Inside of a list CPython too takes a NaN for equal to itself, and here there is one only.
  const [asked, ...sides] = await plainAnswers([
    { program: "def f(a, b): return [a] == [b]", inputs: pairs.map((pair) => pair.join(", ")) },
    { program: identity, inputs: pairs.map(([a]) => a) },
    { program: identity, inputs: pairs.map(([, b]) => b) },
  ]);
  const counts = { True: 0, False: 0 };
  for (const [at, { value }] of asked!.entries()) {
    const [a, b] = [sides[0]![at]!.value!, sides[1]![at]!.value!];
    if (value !== "True" && value !== "False") t.fail(`CPython cannot compare ${pairs[at]!.join(" and ")}`);
    else counts[value] += 1;
    if (String(valuesEqual(a, b)) !== value!.toLowerCase()) t.fail(`${a} == ${b} is ${value} in CPython`);
    if (valuesEqual(a, b) !== valuesEqual(b, a)) t.fail(`${a} and ${b}: it depends on the order`);
  }
  t.ok(counts.True > count / 4 && counts.False > count / 4, `${counts.True} equal, ${counts.False} not`);
});

t.test("up to the bounds and no further", async (t) => {
  const nested = (depth: number, [open, close]: readonly [string, string]) => open.repeat(depth) + close.repeat(depth);
  const brackets = [["[", "]"], ["(", ",)"], ["deque([", "])"], ["{1: ", "}"]] as const;
  for (const pair of brackets) {
    const inner = pair[0] === "[" ? "" : "0";
    const text = (depth: number) => nested(depth, pair).replace(pair[0] + pair[1], pair[0] + inner + pair[1]);
    t.same(await written([text(64)]), (await plainAnswers([{ program: identity, inputs: [text(64)] }]))[0]!.map(({ value }) => value), `64 ${pair[0]}`);
    t.match(await written([text(65)]), [/^bad-request .*64/], `65 ${pair[0]}`);
    const program = (depth: number) => `from collections import deque\ndef f(): return ${text(depth)}`;
    const run = async (depth: number) => (await executor.run({ program: program(depth), inputs: [""] })).runs[0]!.outcome;
    t.same([await run(64), await run(65)], ["ok", "unrepresentable"], `returned by a program, ${pair[0]}`);
  }
  const digits = (length: number) => `${"9".repeat(length)}`;
  t.same(await written([digits(4300), `-${digits(4300)}`]), [digits(4300), `-${digits(4300)}`]);
  const run = async (program: string) => (await executor.run({ program, inputs: [""] })).runs[0]!.outcome;
  t.same([await run("def f(): return 10 ** 4300 - 1"), await run("def f(): return 10 ** 4300"), await run("def f(): return [-10 ** 4300]")], ["ok", "output-limit", "output-limit"]);
});

t.test("subclasses and look-alikes have no text", async (t) => {
  const bases = ["int", "float", "complex", "str", "bytes", "list", "tuple", "dict", "set", "frozenset", "Counter", "deque", "OrderedDict", "defaultdict", "Fraction", "Decimal"];
  const imports = "from collections import *\nfrom fractions import Fraction\nfrom decimal import Decimal\n";
  const dress = ["", "__slots__ = ()", `__class__ = property(lambda s: int)`, "__repr__ = lambda s: '1'", "__eq__ = lambda s, o: True", "__hash__ = lambda s: 1", "__len__ = lambda s: 0", "__iter__ = lambda s: iter(())"];
  const programs = bases.flatMap((base) => dress.map((line) => ({
    program: `${imports}class ${base}_(${base}):\n    ${line || "pass"}\n${base}_.__name__ = ${base}_.__qualname__ = '${base}'\ndef f(wrap):\n    x = ${base}_()\n    return [x, [x], {1: x}, (x,), deque([x])][wrap]`,
    inputs: ["0", "1", "2", "3", "4"],
  })));
  const answers = await Promise.all(programs.map((request) => executor.run({ ...request, isolation: "program" })));
  const plain = await plainAnswers(programs);
  for (const [at, { runs }] of answers.entries()) {
    const outcomes = runs.map(({ outcome, error }) => `${outcome} ${error ?? ""}`);
    const wanted = plain[at]!.map(({ outcome, error }) => `${outcome} ${error ?? ""}`);
    if (outcomes.join() !== wanted.join() || outcomes.some((one) => one.startsWith("ok"))) t.same(outcomes, wanted, programs[at]!.program);
  }
  t.equal(answers.length, bases.length * dress.length, "as plain CPython's exact types have it");
});
