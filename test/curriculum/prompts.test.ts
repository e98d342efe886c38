// The structure of the paper's prompts, part by part and in their order (arXiv 2505.03335, figures 33 to 39), and their versions: what differs between
// them, that a run records its own, and that none has changed since it was first used.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Test } from "tap";
import { resolveConfig } from "../../src/config/index.ts";
import { formatNamed, promptVersions } from "../../src/curriculum/format.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { collect } from "../../src/testing/index.ts";
import { trainFake } from "../run/support/fake-run.ts";

const settings = curriculumSettings({ induction: { inputs: 10, shown: 5 } });
const paper = formatNamed("paper", "v1");
const task: Task = { id: "t", kind: "deduction", program: "def f(a):\n    return a + 1", input: "3", output: "4", error: "NoError", origin: { step: 1, parents: [] } };
const pairs = Array.from({ length: 10 }, (_, at) => ({ input: `${at}${at}`, output: `${at}${at}0` }));
const induced: Task = { id: "i", kind: "induction", program: "def f(a):\n    return a * 10", pairs, shown: 5, message: "ten of them", origin: { step: 1, parents: [] } };

/** Each part has to be there, after the one before. */
const inOrder = (t: Test, text: string, parts: [what: string, part: RegExp][], of: string) => {
  let from = 0;
  for (const [what, part] of parts) {
    const found = part.exec(text.slice(from));
    t.ok(found, `${of}: ${what}`);
    if (found !== null) from += found.index + found[0].length;
  }
};

const wrapperStart: [string, RegExp][] = [
  ["the sentence on thoughts and answers", /^User and Assistant[^\n]*<think>[^\n]*<answer>[^\n]*\n/],
  ["the user's turn", /User: /],
];
const wrapperEnd: [string, RegExp][] = [["the opened thought", /\nAssistant: <think>$/]];

t.test("the proposer of a program and an input", async (t) => {
  for (const name of ["deduction", "abduction", "error"]) {
    const references = [task, { ...task, input: "5", output: "6" }];
    const helpers = [{ id: "h", source: "def g_0(x):\n    return x" }];
    const { text } = kindNamed(name).buildProposalPrompt({ references, helpers }, paper, settings);
    inOrder(t, text, [
      ...wrapperStart,
      ["title: a program with one input", /## Task: write a new Python function together with one input/],
      ["classes are allowed, before f", /classes are welcome; define them before `f`/],
      ["the goal: new beside the earlier programs, deep reasoning", /unlike every earlier program[^\n]*algorithmic reasoning/],
      ["what the other will be given", name === "abduction" ? /get your program and the output it gives, but not the input/ : /get your program and its input/],
      ["an IQ test", /IQ test/],
      ["requirements of the program", /### The program/],
      ["the name f, an argument", /name `f`[^\n]*takes at least one argument/],
      ["the same input, the same end", /The same input always/],
      ["what to avoid", /random numbers, the time or date, files, the network, the environment, printing, logging/],
      ["state over several steps", /keep some state and change it over several steps/],
      ["time", /finishes within/],
      ["imports and classes at the top, the return at the end", /imports, helpers and classes at the top and end with the return of `f`/],
      ["requirements of the input", /### The input[^]*?exactly one input[^]*?separated by commas[^]*?strings in quotes/],
      ["the form, with an example", /### Form of the reply[^]*?```python\n[^]*?```input\n/],
      ["how it is judged: it runs", /### How it is judged\n- It has to run/],
      ["difficulty, with ideas", /Difficulty: [^\n]*trees, heaps, graphs[^\n]*dynamic programming, recursion, backtracking/],
      ["novelty", /Novelty: it differs from the earlier programs/],
      ["modules that are refused", /Only modules for computation may be imported/],
      ["first plan, then write", /First plan [^\n]*then write it/],
      ["references, numbered, in three fences each", /<snippet_1>\n```python\n[^`]*```\n```input\n3\n```\n```(output\n4|error\nNoError)\n```\n<\/snippet_1>\n\n<snippet_2>[^]*?<\/snippet_2>/],
      ["functions to call, which are not to be defined again", /Functions to build on\n[^\n]*`g_0`[^\n]*call each of them[^\n]*something of its own[^\n]*Do not write them again[^]*?```python\ndef g_0/],
      ...wrapperEnd,
    ], name);
    const alone = kindNamed(name).buildProposalPrompt({ references: [] }, paper, settings).text;
    t.notMatch(alone, /earlier|snippet|build on/, `${name}: a prompt without references speaks of none`);
    t.match(alone, /Make something new that takes careful[^]*?yet possible to work out[^\n]*\n- Only modules/);
  }
});

t.test("the proposer of inputs", async (t) => {
  const { text } = kindNamed("induction").buildProposalPrompt({ references: [], source: task }, paper, settings);
  inOrder(t, text, [
    ...wrapperStart,
    ["ten inputs and a message", /write 10 inputs for a program, and a message/],
    ["the program", /```python\ndef f\(a\):\n    return a \+ 1\n```/],
    ["an IQ test", /IQ test/],
    ["each input in a fence of its own", /Give 10 inputs, each in a block of its own fenced as `input`/],
    ["they cover the program", /every path through the program/],
    ["the message, of any form, without the code", /block fenced as `message`[^\n]*any form, even that of a coding problem[^\n]*without giving away its code/],
    ["the form, with an example", /```input\n[^]*?```input\n[^]*?and so on for 10 inputs[^]*?```message\n/],
    ["judged by running, coverage, difficulty", /Every input has to run[^]*?Coverage: [^]*?Difficulty: [^\n]*hard to work out, but not impossible/],
    ["first plan", /First plan/],
    ...wrapperEnd,
  ], "induction");
});

t.test("the solver", async (t) => {
  const form: Record<string, [string, RegExp][]> = {
    deduction: [["program and input", /```python\n[^`]*```\n\n```input\n3\n```/], ["the answer's fence, quotes, a tuple", /fenced as `output`[^\n]*strings in quotes[^\n]*as a tuple/], ["an example", /```output\n/]],
    abduction: [["program and output", /```python\n[^`]*```\n\n```output\n4\n```/], ["one of several inputs will do", /one block fenced as `input`/], ["an example", /```input\n/]],
    error: [["program and input", /```python\n[^`]*```\n\n```input\n3\n```/], ["the class, or that there is none", /fenced as `error`[^\n]*NoError/], ["an example", /```error\n/]],
    induction: [
      ["five pairs, numbered", /Input 1:\n```input\n00\n```\nOutput 1:\n```output\n000\n```\n[^]*?Input 5:[^]*?440\n```/],
      ["the message", /```message\nten of them\n```/],
      ["the answer's fence, what to avoid", /fenced as `python`[^\n]*must not use random numbers, the time or date, files/],
      ["an example", /```python\ndef f/],
    ],
  };
  for (const [name, parts] of Object.entries(form)) {
    const { text } = kindNamed(name).buildSolutionPrompt(name === "induction" ? induced : task, paper);
    inOrder(t, text, [...wrapperStart, ...parts, ...wrapperEnd], name);
  }
  t.notMatch(kindNamed("induction").buildSolutionPrompt(induced, paper).text, /Input 6|55|a \* 10/, "no hidden pair, and not the program");
});

t.test("versions", async (t) => {
  t.testdir({});
  const swapped = formatNamed("paper", "v1-swapped");
  t.same([paper.version, swapped.version, formatNamed("compact", "v1-swapped").version, formatNamed("paper").version], ["paper-v1", "paper-v1-swapped", "compact-v1", "paper-v1"]);
  const text = (name: string, format = paper) => kindNamed(name).buildProposalPrompt({ references: [task] }, format, settings).text;
  const difficulty = (name: string, format = paper) => /Difficulty: ([^.]*)/.exec(text(name, format))![1]!;
  t.match(difficulty("deduction"), /^the output should be hard to predict/, "what is asked for is what has to be hard");
  t.match(difficulty("abduction"), /^an input that gives the output should be hard to find/);
  t.equal(difficulty("deduction", swapped), difficulty("abduction"), "swapped: the other's sentence");
  t.equal(difficulty("abduction", swapped), difficulty("deduction"));
  for (const name of ["deduction", "abduction"]) t.equal(text(name, swapped).replace(difficulty(name, swapped), difficulty(name)), text(name), "and nothing else");
  t.equal(text("error", swapped), text("error"));
  t.equal(kindNamed("induction").buildSolutionPrompt(induced, swapped).text, kindNamed("induction").buildSolutionPrompt(induced, paper).text);

  t.equal(resolveConfig({}).config.prompts, "v1");
  const presets = { paper: "v1", reference: "v1-swapped", tuned: "v1", demo: "v1" } as const;
  for (const [preset, version] of Object.entries(presets)) t.equal(resolveConfig({ argument: { preset: preset as keyof typeof presets } }).config.prompts, version, preset);
  t.throws(() => resolveConfig({ argument: { prompts: "v9" as "v1" } }), { code: "AZR_CONFIG_INVALID" });
  const run = trainFake(t.testdirName, { steps: 1, prompts: "v1-swapped" });
  await collect(run);
  const recorded = JSON.parse(readFileSync(join(run.dir!, "config.json"), "utf8")) as object;
  t.match(recorded, { config: { format: "compact", prompts: "v1-swapped" } }, "a run records what it used");
});

t.test("a version's files do not change", async (t) => {
  // A change of a prompt is a new version (promptVersions): add its folder here. What shows only with a setting that is off by default is no change.
  const room = new URL("../../src/curriculum/prompts/", import.meta.url);
  const hashes = Object.fromEntries(readdirSync(room).map((folder) => {
    const hash = createHash("sha256");
    for (const file of readdirSync(new URL(`${folder}/`, room)).sort()) hash.update(file).update(readFileSync(new URL(`${folder}/${file}`, room)));
    return [folder, hash.digest("hex").slice(0, 16)];
  }));
  t.same(hashes, {
    "compact-v1": "60e0b12bdcd91fc2",
    "paper-v1": "5fefb12c25edfdda",
    "paper-v1-swapped": "d28a82b74106bdaf",
  });
  t.same(promptVersions.flatMap((version) => [`compact-${version}`, `paper-${version}`]).filter((folder) => !(folder in hashes)), ["compact-v1-swapped"], "formats without those sentences have v1 for it");
});
