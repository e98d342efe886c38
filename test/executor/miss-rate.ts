// How many programs whose result hangs on a two-way order are called deterministic: the misses of a check that three variants make. Programs
// come from a seeded generator, some shapes of dependence each, and run as proposals do. Prints the table of docs/executor.md.
//   npx jiti test/executor/miss-rate.ts [PROGRAMS] [SEED]        2,000 and 1 by default, half a minute on two cores
import { openExecutor } from "../../src/executor/open.ts";
import { mapBounded } from "../../src/curriculum/bounded.ts";
import { choicesOf, type Choices } from "./support/program-parts.ts";

/** A word as a Python literal; long enough that few come twice. */
const word = (choices: Choices): string => `'${Array.from({ length: 3 }, () => choices.word().slice(1, -1)).join("")}'`;

/** Two different words. */
function twoWords(choices: Choices): [string, string] {
  const first = word(choices);
  for (;;) {
    const second = word(choices);
    if (second !== first) return [first, second];
  }
}

/** The expression that `f` returns, and what stands before `f`. */
type Shape = (choices: Choices) => { returns: string; before?: string };

const pointClass = "class P:\n    def __init__(self, name):\n        self.name = name\n\n";

const ofTexts: [name: string, shape: Shape][] = [
  ["`{a, b}.pop()`", (choices) => ({ returns: `{${twoWords(choices).join(", ")}}.pop()` })],
  ["`next(iter({a, b}))`", (choices) => ({ returns: `next(iter({${twoWords(choices).join(", ")}}))` })],
  ["`min({a, b}, key=...)`, a tie", (choices) => ({ returns: `min({${twoWords(choices).join(", ")}}, key=lambda w: ${choices.pick(["0", "type(w) is str", "len(w) > 99"])})` })],
  ["`list({a, b})[0]`", (choices) => ({ returns: `list({${twoWords(choices).join(", ")}})[${choices.pick(["0", "1", "-1"])}]` })],
  ["`tuple(frozenset([a, b]))`", (choices) => ({ returns: `tuple(frozenset([${twoWords(choices).join(", ")}]))` })],
  ["a dict built from `{a, b}`", (choices) => ({ returns: choices.pick(["list(dict.fromkeys({@}))", "{w: len(w) for w in {@}}", "''.join({w: 1 for w in {@}})"]).replace("@", twoWords(choices).join(", ")) })],
  ["`hash(a) % 2`", (choices) => ({ returns: choices.pick(["hash(@) % 2", "hash(@) & 1 == 0", "hash((@, 1)) > 0"]).replace("@", word(choices)) })],
];

const ofAddresses: typeof ofTexts = [
  // Blocks of 16 bytes and of 64: a smaller divisor gives the same value in every CPython, a larger one is no coin either.
  ["`id(object()) // 16 % 2`", () => ({ returns: "id(object()) // 16 % 2" })],
  ["`id([x]) // 64 % 2`", (choices) => ({ returns: `id(${choices.pick(["[x]", "{'a': x}", "(x, x)"])}) // 64 % 2` })],
  ["a set of two objects", (choices) => ({ before: pointClass, returns: `[p.name for p in {${twoWords(choices).map((name) => `P(${name})`).join(", ")}}]` })],
];

const shapes = [...ofTexts, ...ofAddresses];

/** Lines that allocate something and keep it or let it go, so that what follows lies elsewhere. */
function filler(choices: Choices): string {
  const lines = ["y = [x] * @", "z = [str(i) for i in range(@)]", "u = {i: [i] for i in range(@)}", "v = sorted(range(@), key=lambda i: -i)", "w = [(i, x) for i in range(@)][-1]"];
  return Array.from({ length: choices.int(0, 3) }, () => `    ${choices.pick(lines).replace("@", String(choices.int(1, 60)))}\n`).join("");
}

/** A 95 % interval of a share (Wilson). */
function interval(hits: number, count: number): [low: number, high: number] {
  const z = 1.959964;
  const share = hits / count;
  const middle = (share + z ** 2 / (2 * count)) / (1 + z ** 2 / count);
  const half = (z / (1 + z ** 2 / count)) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return [middle - half, middle + half];
}

const count = Number(process.argv[2] ?? 2000);
const choices = choicesOf(Number(process.argv[3] ?? 1));
const programs = Array.from({ length: count }, (_, at) => {
  const [name, shape] = shapes[at % shapes.length]!;
  const { before = "", returns } = shape(choices);
  return { name, program: `${before}def f(x):\n${filler(choices)}    return ${returns}`, input: choices.pick([String(choices.int(1, 999)), choices.ints(), choices.words()]) };
});

await using executor = await openExecutor();
const results = await mapBounded(programs, 32, async ({ name, program, input }) => {
  const { runs: [run], deterministic } = await executor.run({ program, inputs: [input], determinism: "full" });
  if (run!.outcome !== "ok") throw new Error(`a program ended in ${run!.outcome} (${run!.message}):\n${program}`);
  return { name, deterministic };
});

const percent = (value: number): string => `${Math.max(0, 100 * value).toFixed(1)} %`;
function row(name: string, of: typeof results): string {
  const missed = of.filter(({ deterministic }) => deterministic === true).length;
  return `| ${name} | ${of.length} | ${missed} | ${percent(missed / of.length)} | ${interval(missed, of.length).map(percent).join(" to ")} |`;
}
console.log(`CPython ${executor.stats().python}; three fair and independent coins would all agree with A for ${percent(1 / 8)} of the programs.\n`);
console.log("| the result hangs on | programs | called deterministic | share | 95 % interval |\n|---|---|---|---|---|");
for (const [what, group] of [["hashes of texts", ofTexts], ["addresses", ofAddresses]] as const) {
  const named = group.map(([name]) => results.filter((result) => result.name === name));
  for (const [at, [name]] of group.entries()) console.log(row(name, named[at]!));
  console.log(row(`all of ${what}`, named.flat()));
}
