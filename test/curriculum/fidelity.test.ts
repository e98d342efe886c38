// The rows of "Where paper and code differ" in docs/fidelity.md that are behaviour, in both recipes; and that the page has every row and names every setting
// in which `tuned` departs. Rows that are mere settings are in test/config/presets.test.ts.
import { readFileSync } from "node:fs";
import t from "tap";
import { type RecipeName, resolveConfig } from "../../src/config/index.ts";
import { tokenAdvantages } from "../../src/curriculum/advantage.ts";
import { formatNamed } from "../../src/curriculum/format.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { proposerReward } from "../../src/curriculum/reward.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { openExecutor } from "../../src/executor/open.ts";
import { noExecutor } from "../cli/harness.ts";

const page = readFileSync(new URL("../../docs/fidelity.md", import.meta.url), "utf8");
const recipes = ["paper", "reference", "tuned"] as const satisfies RecipeName[];
const configOf = (recipe: RecipeName) => resolveConfig({ preset: recipe }).config;
const settingsOf = (recipe: RecipeName) => {
  const { curriculum, executor } = configOf(recipe);
  return curriculumSettings({ induction: curriculum.induction, validation: curriculum.validation, limits: executor.limits });
};

t.test("reward of extremes, and means by sequence or token", async (t) => {
  const extreme = (recipe: RecipeName, solveRate: number) => {
    const { curriculum, reward } = configOf(recipe);
    return proposerReward({ accepted: true, solveRate }, { fidelity: curriculum.fidelity, learnability: reward.learnability });
  };
  t.same(recipes.map((recipe) => [0, 1, 0.25].map((rate) => extreme(recipe, rate))), [[0, 0, 0.75], [-0.5, -0.5, 0.75], [0, 0, 0.75]]);

  // Two answers of 1 and 3 tokens. Over sequences the mean of 1 and -0.5 is 0.25, the deviation 0.75; over tokens they are -0.125 and 0.75.
  const sequences = [{ group: "deduction/solve", reward: 1, tokens: 1 }, { group: "deduction/solve", reward: -0.5, tokens: 3 }];
  const first = (recipe: RecipeName) => tokenAdvantages(sequences, configOf(recipe).update.advantage)[0]![0]!;
  for (const [recipe, want] of [["paper", 1], ["reference", 1.5], ["tuned", 1]] as const) t.ok(Math.abs(first(recipe) - want) < 1e-6, `${recipe}: ${first(recipe)}`);
});

t.test("the difficulty sentences stand where each recipe has them", async (t) => {
  const prompt = (recipe: RecipeName, kind: string) => kindNamed(kind).buildProposalPrompt({ references: [] }, formatNamed("paper", configOf(recipe).prompts), settingsOf(recipe)).text;
  t.equal(prompt("paper", "deduction"), prompt("tuned", "deduction"));
  for (const kind of ["deduction", "abduction"]) t.not(prompt("paper", kind), prompt("reference", kind), kind);
});

t.test("what is judged by running it", { skip: noExecutor() ?? false }, async (t) => {
  await using executor = await openExecutor({ workers: 2 });
  const validate = async (recipe: RecipeName, program: string, input = "1") => {
    const found = await kindNamed("deduction").validate({ program, inputs: [input] }, { executor, settings: settingsOf(recipe) });
    return found.ok ? "accepted" : found.reason;
  };
  const rows: [what: string, program: string, want: string[]][] = [
    ["the value hangs on the hash seed", "def f(a):\n    return [x for x in {'a', 'b', 'c', 'd', 'e'}]", ["nondeterministic", "nondeterministic", "nondeterministic"]],
    ["raises something without error in its name", "def f(a):\n    raise StopIteration", ["runtime-error", "runtime-error", "runtime-error"]],
    ["imports sys", "import sys\ndef f(a):\n    return a", ["banned", "accepted", "banned"]],
    // No rule forbids it there, but the locked interpreter does not have it.
    ["imports shutil", "import shutil\ndef f(a):\n    return a", ["banned", "runtime-error", "banned"]],
    ["imports random", "import random\ndef f(a):\n    return a", ["banned", "banned", "banned"]],
    ["a helper function", "def g(a):\n    return a\ndef f(a):\n    return g(a)", ["accepted", "several-functions", "accepted"]],
    ["a class with a method", "class A:\n    def m(self):\n        return 1\ndef f(a):\n    return A().m()", ["accepted", "several-functions", "accepted"]],
    ["returns a generator", "def f(a):\n    return (x for x in [a])", ["unrepresentable", "unrepresentable", "unrepresentable"]],
    ["returns 3,000 characters", "def f(a):\n    return 'x' * 3000", ["too-long", "too-long", "too-long"]],
    ["calls input", "def f(a):\n    return input()", ["banned", "banned", "banned"]],
  ];
  for (const [what, program, want] of rows) t.same(await Promise.all(recipes.map((recipe) => validate(recipe, program))), want, what);

  const origin = { step: 1, parents: [] };
  const half: Task = { id: "d", kind: "deduction", program: "", input: "1", output: "Fraction(1, 2)", origin };
  const text: Task = { ...half, output: "'3'" };
  const wrong: Task = { id: "a", kind: "abduction", program: "def f(a):\n    return a", input: "1", output: "1", origin };
  // The first five pairs are squares, the hidden ones too; an answer that fits the hidden ones alone.
  const pairs = Array.from({ length: 10 }, (_, at) => ({ input: String(at), output: String(at * at) }));
  const square: Task = { id: "i", kind: "induction", program: "def f(a):\n    return a * a", pairs, shown: 5, origin };
  const verdict = async (recipe: RecipeName, task: Task, answer: string) => (await kindNamed(task.kind).verify(task, answer, { executor, settings: settingsOf(recipe) })).verdict;
  const answers: [what: string, task: Task, answer: string, want: string[]][] = [
    ["a fraction is equal to itself", half, "Fraction(1, 2)", ["correct", "correct", "correct"]],
    ["a string is not evaluated again", text, "'3.0'", ["wrong", "wrong", "wrong"]],
    ["an answer that names the stored one is no literal", text, "answer", ["malformed", "malformed", "malformed"]],
    ["an answer does not leave its brackets", wrong, "2) or (1", ["malformed", "malformed", "malformed"]],
    ["right on the hidden pairs alone", square, "def f(a):\n    return a * a if a > 4 else 0", ["wrong", "correct", "wrong"]],
  ];
  for (const [what, task, answer, want] of answers) t.same(await Promise.all(recipes.map((recipe) => verdict(recipe, task, answer))), want, what);
});

t.test("what the paper varies is a setting each, as the page has it", async (t) => {
  const table = page.slice(page.indexOf("## What the paper varies"), page.indexOf("## What a task earns"));
  const settings = [...table.matchAll(/--set (?:'([^']+)'|([^`\s]+))/g)].map((match) => match[1] ?? match[2]!);
  t.equal(settings.length, 8);
  for (const preset of ["paper", "reference", "tuned"] as const) {
    for (const set of settings) if (preset !== "reference" || !set.includes("composite")) t.ok(resolveConfig({ preset, set: [set] }), `${preset}: ${set}`);
  }
});

t.test("docs/fidelity.md has every topic, and names every setting in which tuned departs", async (t) => {
  for (const topic of ["all or none of its answers solve", "tasks that the solver is trained on", "determinism", "`sys`, `shutil`", "Fraction", "mean of the loss", "mean of a group's rewards", "pairs that an induction answer", "LiveCodeBench-Execution", "steps", "entropy bonus", "bounds of the ratio", "temperature of the difficulty rollouts", "classes, helper and nested functions"]) {
    t.match(page, new RegExp(`^\\| [^|]*${topic.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`, "m"), topic);
  }
  const flat = (node: unknown, prefix = ""): [string, string][] =>
    typeof node === "object" && node !== null && !Array.isArray(node)
      ? Object.entries(node).flatMap(([key, child]) => flat(child, prefix === "" ? key : `${prefix}.${key}`))
      : [[prefix, JSON.stringify(node)]];
  const paper = new Map(flat(configOf("paper")));
  const departures = flat(configOf("tuned")).filter(([path, value]) => paper.get(path) !== value && path !== "preset").map(([path]) => path);
  const named = page.slice(page.indexOf("## Where `tuned` departs"), page.indexOf("## What the paper varies"));
  const said = (path: string) => named.includes(`\`${path}\``) || named.includes(`\`${path.slice(0, path.lastIndexOf("."))}\``) || (path.endsWith("wallMs") && named.includes("`wallMs`"));
  t.same(departures.filter((path) => !said(path)), [], "each has its reason on the page");
  t.ok(departures.length > 8);
});
