// Error prediction from end to end: what a draft becomes, which answers are right, how many tasks without an error a step takes, two steps with a
// scripted model, the same files under `azr verify` and evaluation, and the formats that can carry it.
import { join } from "node:path";
import t from "tap";
import { resolveConfig } from "../../src/config/index.ts";
import { formatNamed } from "../../src/curriculum/format.ts";
import type { RejectionReason } from "../../src/curriculum/kinds/kind.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import type { Task, Verdict } from "../../src/curriculum/task.ts";
import { verifyJsonl } from "../../src/curriculum/verify-jsonl.ts";
import { checkVocabulary } from "../../src/curriculum/vocabulary.ts";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";
import { loadTokenizer } from "../../src/engine/tokenizer.ts";
import { evaluate } from "../../src/eval/evaluate.ts";
import { openExecutor } from "../../src/executor/open.ts";
import { renderReport } from "../../src/report/page.ts";
import { readRun } from "../../src/report/read-run.ts";
import { collect, fakeEngine, fakeExecutor, fakeTokenizer } from "../../src/testing/index.ts";
import { nativeMissing } from "../executor/support/native.ts";
import { lines, resumeFake, resultFiles, rollouts, trainFake } from "../run/support/fake-run.ts";

const kind = kindNamed("error");
const settings = curriculumSettings();
const paper = formatNamed("paper");
const origin = { step: 1, parents: [] };
const taskOf = (error: string, id = "t"): Task => ({ id, kind: "error", program: "def f(a):\n    return 1 // a", input: "0", error, origin });
const stopTokens = [fakeTokenizer().specialTokenId("<|end|>")];

t.test("answers", async (t) => {
  const cases: [truth: string, answer: string, Verdict][] = [
    ["ZeroDivisionError", "ZeroDivisionError", "correct"],
    ["ZeroDivisionError", "  zerodivisionerror\n", "correct"],
    ["ZeroDivisionError", "ZeroDivisionError: division by zero", "correct"],
    ["ZeroDivisionError", "`ZeroDivisionError`", "correct"],
    ["ZeroDivisionError", "builtins.ZeroDivisionError", "correct"],
    ["ZeroDivisionError", "ZeroDivisionError(...)", "correct"],
    ["ZeroDivisionError", "ArithmeticError", "wrong"],
    ["ZeroDivisionError", "ZeroDivision", "wrong"],
    ["ZeroDivisionError", "NoError", "wrong"],
    ["OSError", "IOError", "correct"],
    ["OSError", "EnvironmentError: x", "correct"],
    ["NoError", "NoError", "correct"],
    ["NoError", "no error", "correct"],
    ["NoError", "No-error.", "correct"],
    ["NoError", "nothing", "wrong"],
    ["NoError", "", "malformed"],
    ["NoError", "1", "malformed"],
    ["NoError", "'''", "malformed"],
  ];
  const executor = fakeExecutor();
  for (const [truth, answer, want] of cases) {
    const { verdict, detail } = await kind.verify(taskOf(truth), answer, { executor, settings });
    t.equal(verdict, want, `${JSON.stringify(answer)} for ${truth}`);
    t.ok(detail.length > 0);
  }
  t.equal(executor.calls.length, 0, "nothing is run or parsed");
  await t.rejects(kind.verify({ ...taskOf("x"), error: undefined }, "x", { executor, settings }), { code: "AZR_INPUT_INVALID", message: /"error"/ });
});

t.test("how many tasks without an error a step takes", async (t) => {
  const cases: [share: number, errors: string, left: string][] = [
    [0.5, "", ""],
    [0.5, "n", "n"],
    [0.5, "nnn", "n"],
    [0.5, "enene", "enene"],
    [0.5, "nnene", "nnee"],
    [0.5, "nnnee", "nnee"],
    [0.25, "neeenee", "neeeee"],
    [0.25, "neeeneee", "neeeneee"],
    [0.75, "ennnnn", "ennn"],
    [0, "neen", "nee"],
    [1, "nnnn", "nnnn"],
  ];
  for (const [share, given, left] of cases) {
    const tasks = [...given].map((letter) => taskOf(letter === "n" ? "NoError" : "KeyError"));
    const surplus = kind.surplus!(tasks, curriculumSettings({ error: { noError: share } }));
    t.equal([...given].filter((_, at) => !surplus.some(({ index }) => index === at)).join(""), left, `${share} of ${given}`);
    t.ok(surplus.every(({ reason, detail }) => reason === "no-error" && detail !== ""));
  }
});

t.test("on the real executor", { skip: nativeMissing }, async (t) => {
  const executor = await openExecutor({ workers: 2 });
  t.teardown(() => executor.dispose());
  const cases: [name: string, program: string, input: string, want: string | { reason: RejectionReason }][] = [
    ["an index", "def f(a):\n    return a[3]", "[1]", "IndexError"],
    ["a value", "def f(a):\n    return a[0]", "[1]", "NoError"],
    ["a message that differs between executions", "def f(a):\n    return {}[list({str(i) for i in range(40)})[0]]", "1", "KeyError"],
    ["a class of a module counts as the builtin one", "import json\ndef f(a):\n    return json.loads(a)", "'{'", "ValueError"],
    ["recursion", "def f(a):\n    return f(a + 1)", "1", "RecursionError"],
    ["a call that does not fit", "def f(a):\n    return a", "1, 2", "TypeError"],
    ["an assertion", "def f(a):\n    assert a > 3\n    return a", "1", "AssertionError"],
    ["syntax", "def f(a) return a", "1", { reason: "syntax" }],
    ["the word raise", "def f(a):\n    raise ValueError", "1", { reason: "banned" }],
    ["the class varies", "def f(a):\n    x = list({str(i) for i in range(50)})[0]\n    return [].pop() if x > '25' else {}[x]", "1", { reason: "nondeterministic" }],
    ["raises or not", "def f(a):\n    x = list({str(i) for i in range(50)})[0]\n    return [][0] if x > '25' else 1", "1", { reason: "nondeterministic" }],
    ["an endless loop", "def f(a):\n    while True:\n        a += 1", "1", { reason: "time-limit" }],
    ["no memory", "def f(a):\n    return [0] * 10 ** 10", "1", { reason: "memory-limit" }],
    ["a value that is no data", "def f(a):\n    return object()", "1", { reason: "unrepresentable" }],
    ["an input that is no literal", "def f(a):\n    return a", "len", { reason: "bad-input" }],
    ["a hostile call", "import ctypes\ndef f(a):\n    return a", "1", { reason: "banned" }],
  ];
  for (const [name, program, input, want] of cases) {
    const result = await kind.validate({ program, inputs: [input] }, { executor, settings, format: paper });
    if (typeof want === "string") t.match(result, { ok: true, task: { kind: "error", program, input, error: want, output: undefined } }, name);
    else t.match(result, { ok: false, ...want }, name);
  }
  const free = curriculumSettings({ error: { bannedWords: [] } });
  const own = "class Full(LookupError):\n    pass\n\ndef f(a):\n    raise Full(a)";
  t.match(await kind.validate({ program: own, inputs: ["1"] }, { executor, settings: free }), { ok: true, task: { error: "LookupError" } }, "the word is a setting");
});

const fenced = (tag: string, text: string) => `\`\`\`${tag}\n${text}\n\`\`\``;
const proposal = (line: string, input: number) => `a thought</think>\n<answer>\n${fenced("python", `def f(a):\n    ${line}`)}\n${fenced("input", String(input))}\n</answer><|end|>`;

/** Proposals in turn; half of the answers name the class, the others say that nothing happens. */
function engine() {
  let proposed = 0;
  const proposals = [proposal("return a // 0", 1), proposal("return a + b", 2), proposal("return a + 1", 3), proposal("return a + 2", 4), proposal("return a + 3", 5), proposal("return a a", 6)];
  return fakeEngine({
    maxPositions: 100_000,
    answer: (prompt, sample) => {
      if (prompt.includes("## Task: write a new")) return proposals[proposed++ % proposals.length]!.replace("return a", `return ${1 + Math.floor(proposed / 6)} * a`);
      const truth = prompt.includes("// 0") ? "ZeroDivisionError" : prompt.includes("+ b") ? "NameError" : "NoError";
      return `hm</think><answer>\n${fenced("error", sample % 2 === 0 ? truth : "MemoryError: out of it")}\n</answer><|end|>`;
    },
  });
}

const config = {
  steps: 2,
  format: "paper" as const,
  kinds: ["error"],
  generation: { maxTokens: { propose: 400, solve: 400 } },
  curriculum: { proposals: 6, rollouts: { n: 2 }, replay: 0 },
};

t.test("a run: proposals, buffers, rewards, metrics, report, resuming", async (t) => {
  t.testdir({});
  const run = trainFake(t.testdirName, { ...config, run: { name: "whole", checkpointEvery: 1 } }, { engine: engine(), stopTokens });
  await collect(run);
  const records = await rollouts(run.dir!, 1);
  const proposed = records.filter(({ role }) => role === "propose");
  t.same(proposed.map(({ outcome, reward }) => [outcome, reward]), [
    ["accepted", 0.5],
    ["accepted", 0.5],
    ["accepted", 0.5],
    ["accepted", 0.5],
    ["no-error", -1],
    ["syntax", -1],
  ], "two may raise nothing, since two raise");
  t.same(records.filter(({ role }) => role === "solve").map(({ answer, outcome, reward }) => [answer, outcome, reward]).slice(0, 2), [
    ["ZeroDivisionError", "correct", 1],
    ["MemoryError: out of it", "wrong", -0.5],
  ]);
  const [metrics] = await lines<Record<string, number>>(join(run.dir!, "metrics.jsonl"));
  t.match(metrics, { "propose/error/accepted": 4 / 6, "propose/error/rejected/no-error": 1 / 6, "propose/error/solveRate": 0.5, "solve/error/correct": 0.5, "buffer/error/size": 5 });
  const tasks = await lines<Task>(join(run.dir!, "tasks.jsonl"));
  t.same(tasks.slice(0, 5).map(({ id, kind, error, output }) => [id, kind, error, output]), [
    ["t-0-e-0", "error", "NoError", undefined],
    ["t-1-e-0", "error", "ZeroDivisionError", undefined],
    ["t-1-e-1", "error", "NameError", undefined],
    ["t-1-e-2", "error", "NoError", undefined],
    ["t-1-e-3", "error", "NoError", undefined],
  ]);
  const shown = (await rollouts(run.dir!, 2)).filter(({ role }) => role === "propose").map(({ prompt }) => prompt);
  t.ok(shown.some((prompt) => /<snippet_1>[^]*```error\n(ZeroDivisionError|NameError|NoError)\n```\n<\/snippet_1>/.test(prompt)), "references show the class");
  t.ok(shown.every((prompt) => prompt.includes("Do not write any of these words anywhere in the program: raise.")));
  const html = renderReport(await readRun(run.dir!));
  t.match(html, /a right answer \(error\)/);
  t.match(html, /no-error/);

  const broken = trainFake(t.testdirName, { ...config, steps: 1, run: { name: "broken", checkpointEvery: 1 } }, { engine: engine(), stopTokens });
  await collect(broken);
  // The scripted model counts its proposals, so the second sitting's model goes on from where the first one's was.
  const second = engine();
  const text = await second.generate({ prompts: { tokens: fakeTokenizer().encode("## Task: write a new") as Int32Array, lengths: Int32Array.of(20) }, samples: 6, maxTokens: 1, temperature: 1, topP: 1, seed: 0, stopTokens });
  t.equal(text.stopped.length, 6);
  await collect(resumeFake(broken.dir!, { change: { steps: 2 }, engine: second, stopTokens }));
  t.same(await resultFiles(broken.dir!), await resultFiles(run.dir!), "a resumed run is the unbroken one, byte for byte");
});

t.test("files of tasks: azr verify and evaluation", async (t) => {
  const tasks = [taskOf("ZeroDivisionError", "one"), { ...taskOf("NoError", "two"), input: "1" }];
  const verdicts: [unknown, string][] = [];
  const badLines: string[] = [];
  await verifyJsonl({
    executor: fakeExecutor(),
    source: [...tasks.map((task) => ({ id: task.id, task, answer: "ZeroDivisionError" })), { id: "three", task: { ...tasks[0]!, error: undefined, output: "1" }, answer: "x" }].map((line) => JSON.stringify(line)).join("\n"),
    onAnswer: ({ id, verdict }) => void verdicts.push([id, verdict]),
    onBadLine: ({ error }) => void badLines.push(error),
  });
  t.same(verdicts, [["one", "correct"], ["two", "wrong"]]);
  t.match(badLines, [/needs both "input" and "error"/]);
  const model = fakeEngine({ maxPositions: 100_000, answer: (prompt) => `x</think><answer>${prompt.includes("input\n0") ? "ZeroDivisionError" : "NoError"}</answer>` });
  const outcomes = await evaluate({ engine: model, tokenizer: fakeTokenizer(), executor: fakeExecutor(), tasks, format: paper, samples: 1, seed: 1, stopTokens, maxTokens: 200 });
  t.same(outcomes.map(({ kind: name, greedy }) => [name, greedy.verdict]), [["error", "correct"], ["error", "correct"]]);
});

t.test("the compact format needs a vocabulary with its markers", async (t) => {
  t.testdir({});
  const compact = formatNamed("compact");
  t.same(compact.markers!("error").sort(), ["<|end|>", "<|error|>", "<|input|>", "<|new|>", "<|predict|>", "<|program|>", "<|propose-error|>"]);
  t.same(paper.markers?.("error") ?? [], []);
  const refused = { code: "AZR_CONFIG_INVALID", message: /kind error in the format compact.*<\|error\|>/, hint: /format: paper/ };
  await t.rejects(trainFake(t.testdirName, { kinds: ["deduction", "error"] }).result, refused, "a run says so before it begins");
  const evaluated = { engine: fakeEngine(), tokenizer: fakeTokenizer(), executor: fakeExecutor(), tasks: [taskOf("KeyError")], format: compact, seed: 1, stopTokens };
  await t.rejects(evaluate(evaluated), refused, "and so does an evaluation");
  const seedling = loadTokenizer(seedlingFolder());
  checkVocabulary(compact, ["deduction", "abduction", "induction"], seedling);
  t.throws(() => checkVocabulary(compact, ["error"], seedling), refused, "the seedling has no such tokens");
  const wide = fakeTokenizer({ markers: compact.markers!("error") });
  checkVocabulary(compact, ["error", "deduction"], wide);
  const prompt = kind.buildSolutionPrompt(taskOf("KeyError"), compact);
  t.equal(prompt.text, "<|predict|><|program|>def f(a):\n    return 1 // a<|input|>0<|error|>");
  t.same(kind.parseAnswer(`${prompt.prefill}KeyError<|end|>`, compact), { ok: true, answer: "KeyError" });
  t.equal(kind.buildProposalPrompt({ references: [taskOf("KeyError")] }, compact, settings).text, "<|propose-error|><|program|>def f(a):\n    return 1 // a<|input|>0<|error|>KeyError<|new|><|program|>");
});

t.test("settings", async (t) => {
  t.match(resolveConfig({}).config.curriculum.error, { noError: 0.5, bannedWords: ["raise"] });
  t.throws(() => resolveConfig({ argument: { curriculum: { error: { noError: 1.5 } } } }), { code: "AZR_CONFIG_INVALID" });
});
