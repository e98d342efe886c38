// Evaluation over a scripted model: which answers count, what is asked of the engine, faults of the executor, figures and tables.
import t from "tap";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatNamed } from "../../src/curriculum/format.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { readTaskFile } from "../../src/curriculum/task-file.ts";
import { accuracies } from "../../src/eval/accuracy.ts";
import { compareFiles } from "../../src/eval/compare-files.ts";
import { compareOutcomes, shareRight } from "../../src/eval/compare.ts";
import { evaluate } from "../../src/eval/evaluate.ts";
import type { TaskOutcome } from "../../src/eval/evaluate.ts";
import { defaultFormat, evaluateModel } from "../../src/eval/evaluate-model.ts";
import { readOutcomes, writeOutcomes } from "../../src/eval/outcome-file.ts";
import { accuracyTable, heldOutTable, percent, points, pValue, samplesLabel } from "../../src/eval/table.ts";
import { AzrError } from "../../src/errors.ts";
import { fakeEngine, fakeExecutor, fakeTokenizer } from "../../src/testing/index.ts";

const program = "def f(a):\n    a = a + 1\n    return a * 2";
const task = (id: string, kind: string): Task => {
  const base = { id, kind, program, origin: { step: 0, parents: [] } };
  const pairs = [1, 2, 3, 4, 5, 6].map((input) => ({ input: String(input), output: String((input + 1) * 2) }));
  return kind === "induction" ? { ...base, pairs, shown: 3 } : { ...base, input: "5", output: "12" };
};
const codec = fakeTokenizer();
const tokenizer = { ...codec, vocabularySize: 1, specialTokens: new Map<string, number>() };
const format = formatNamed("compact");
const stopTokens = [codec.specialTokenId("<|end|>")];

t.test("answers count as the kinds judge them", async (t) => {
  const cases: { kind: string; answer: string; verdict: string }[] = [
    { kind: "deduction", answer: "12<|end|>", verdict: "correct" },
    { kind: "deduction", answer: "13<|end|>", verdict: "wrong" },
    { kind: "deduction", answer: "12", verdict: "malformed" },
    { kind: "deduction", answer: "12<|input|>1<|end|>", verdict: "malformed" },
    { kind: "abduction", answer: "5<|end|>", verdict: "correct" },
    { kind: "abduction", answer: "6<|end|>", verdict: "wrong" },
    { kind: "induction", answer: "def f(x):\n    return x * 2 + 2<|end|>", verdict: "correct" },
    { kind: "induction", answer: "def f(x):\n    return x + 3<|end|>", verdict: "wrong" },
  ];
  for (const { kind, answer, verdict } of cases) {
    const engine = fakeEngine({ answer: () => answer });
    const [outcome] = await evaluate({ engine, tokenizer, executor: fakeExecutor(), format, stopTokens, seed: 0, tasks: [task("t", kind)], samples: 2 });
    t.match(outcome, { id: "t", kind, greedy: { verdict, text: answer }, samples: [{ verdict }, { verdict }] }, `${kind}: ${answer}`);
    t.equal(shareRight(outcome!), verdict === "correct" ? 1 : 0);
  }
});

t.test("what is asked of engine and executor", async (t) => {
  const engine = fakeEngine({ answer: (_, sample) => `${sample % 2 === 0 ? 12 : 13}<|end|>` });
  const executor = fakeExecutor();
  const tasks = Array.from({ length: 300 }, (_, index) => task(`t${index}`, index % 2 === 0 ? "deduction" : "abduction"));
  const progress: [number, number][] = [];
  const outcomes = await evaluate({ engine, tokenizer, executor, format, stopTokens, seed: 5, tasks, maxTokens: 9, temperature: 0.7, onProgress: (...args) => progress.push(args) });
  t.same(outcomes.map(({ id }) => id), tasks.map(({ id }) => id), "in the order of the tasks");
  t.ok(outcomes.filter(({ kind }) => kind === "deduction").every((outcome) => shareRight(outcome) === 0.5));
  t.same(progress, [[256, 300], [300, 300]]);
  const requests = engine.calls.flatMap((call) => (call.method === "generate" ? [call.request] : []));
  t.same(requests.map(({ samples, temperature, maxTokens, topP }) => [samples, temperature, maxTokens, topP]), [[1, 0, 9, 1], [4, 0.7, 9, 1], [1, 0, 9, 1], [4, 0.7, 9, 1]]);
  t.equal(new Set(requests.map(({ seed }) => seed)).size, 2, "each chunk has a seed of its own");
  const runs = executor.calls.filter(({ method }) => method === "run").length;
  t.ok(runs <= 150 * 2 * 3, `equal answers of a task are judged once (${runs} runs)`);

  const same = await evaluate({ engine: fakeEngine(), tokenizer, executor: fakeExecutor(), format, stopTokens, seed: 5, tasks });
  t.same(await evaluate({ engine: fakeEngine(), tokenizer, executor: fakeExecutor({ delaySeed: 3 }), format, stopTokens, seed: 5, tasks }), same, "equal seeds, equal outcomes, whatever finishes first");
  t.notSame(await evaluate({ engine: fakeEngine(), tokenizer, executor: fakeExecutor(), format, stopTokens, seed: 6, tasks }), same);

  const onlySamples = await evaluate({ engine: fakeEngine({ answer: () => "12<|end|>" }), tokenizer, executor: fakeExecutor(), format, stopTokens, seed: 0, tasks: [task("t", "deduction")], greedy: false, samples: 1 });
  t.match(onlySamples, [{ greedy: { verdict: "malformed", text: "" }, samples: [{ verdict: "correct" }] }]);
});

t.test("an answer that could not be judged is never scored", async (t) => {
  const executor = fakeExecutor({
    override: () => {
      throw new AzrError("AZR_EXECUTOR_FAILED", "the sandbox failed three times");
    },
  });
  const engine = fakeEngine({ answer: () => "6<|end|>" });
  await t.rejects(evaluate({ engine, tokenizer, executor, format, stopTokens, seed: 0, tasks: [task("t", "abduction")] }), { code: "AZR_EXECUTOR_FAILED", message: /task t / });
  await t.rejects(evaluate({ engine, tokenizer, executor, format, stopTokens, seed: 0, tasks: [task("t", "abduction")], signal: AbortSignal.abort(new Error("stop")) }), { name: "AzrError", code: "AZR_ABORTED", cause: { message: "stop" } });
  for (const wrong of [undefined, null, {}, { tasks: "x" }]) await t.rejects(evaluate(wrong as never), { code: "AZR_INPUT_INVALID" });
  for (const wrong of [undefined, null, {}, { model: 3 }]) await t.rejects(evaluateModel(wrong as never), { code: "AZR_INPUT_INVALID" });
  await t.rejects(evaluate({ engine, tokenizer, executor, format, stopTokens, seed: 0, tasks: [task("t", "riddles")] }), { code: "AZR_CONFIG_INVALID" });
});

const outcome = (id: string, kind: string, greedy: boolean, right: number, of = 4): TaskOutcome => {
  const answer = (correct: boolean) => ({ verdict: correct ? ("correct" as const) : ("wrong" as const), text: "" });
  return { id, kind, greedy: answer(greedy), samples: Array.from({ length: of }, (_, index) => answer(index < right)) };
};

t.test("figures", async (t) => {
  const before = [outcome("1", "deduction", false, 0), outcome("2", "deduction", true, 2), outcome("3", "abduction", true, 4), outcome("4", "abduction", false, 0)];
  const after = [outcome("1", "deduction", true, 2), outcome("2", "deduction", true, 2), outcome("3", "abduction", true, 4), outcome("4", "abduction", true, 1)];
  const { heldOut, overall } = compareOutcomes(before, after);
  t.match(heldOut["deduction"], { n: 2, sampled: { before: 0.25, after: 0.5, difference: 0.25 }, greedy: { before: 0.5, after: 1 } });
  t.match(heldOut["abduction"], { n: 2, sampled: { before: 0.5, after: 0.625 } });
  // Differences 0.5, 0, 0, 0.25: mean 0.1875, standard error sqrt((0.25 + 0.0625 - 4 * 0.03515625) / 12).
  t.match(overall, { n: 4, sampled: { before: 0.375, after: 0.5625, difference: 0.1875 }, greedy: { before: 0.5, after: 1 } });
  const error = Math.sqrt((0.3125 - 4 * 0.1875 ** 2) / 12);
  t.ok(Math.abs(overall.sampled.high95 - 0.1875 - 3.182446 * error) < 1e-6, "interval over tasks");
  t.equal(overall.greedy.p, 0.5, "McNemar: two gained, none lost, p = 2 / 4");
  t.match([overall.sampled, overall.greedy].map(({ better, worse }) => [better, worse]), [[2, 0], [2, 0]]);
  t.match(compareOutcomes(after, before).overall, { sampled: { better: 0, worse: 2 }, greedy: { better: 0, worse: 2 } });
  t.throws(() => compareOutcomes(before, after.slice(1)), { code: "AZR_INPUT_INVALID" });
  t.throws(() => compareOutcomes(before, [...after].reverse()), { code: "AZR_INPUT_INVALID" });

  const { kinds, overall: all } = accuracies(before);
  t.match(kinds["deduction"], { n: 2, greedy: 0.5, sampled: 0.25, passAtK: 0.5, malformed: 0 });
  t.match(all, { n: 4, sampled: 0.375, greedy: 0.5, passAtK: 0.5 });
  t.ok(all.low95 >= 0 && all.high95 <= 1);

  const table = heldOutTable({ heldOut, overall }, samplesLabel({ samples: 4, temperature: 1 }));
  t.match(table.join("\n"), /mean of 4 samples, temperature 1\n {2}deduction +2 +25\.0 +50\.0 +\+25\.0 [^]*greedy\n[^]* all +4 +50\.0 +100\.0 +\+50\.0 .* 0\.5000 +2 +0$/);
  t.equal(new Set(table.filter((line) => /\d/.test(line)).filter((line) => !/temperature/.test(line)).map(({ length }) => length)).size, 1, "columns line up");
  t.match(accuracyTable({ kinds, overall: all }, 4, 0.5)[0], /greedy +mean of 4 at temperature 0\.5 +95 % interval +pass@4 +malformed/);
  t.notMatch(accuracyTable({ kinds, overall: all }, 0, 1)[0], /pass@/);
  t.same([percent(0.12345), points(0.05), points(-0.05), pValue(0.00001), pValue(0.0321)], ["12.3", "+5.0", "-5.0", "<0.0001", "0.0321"]);
  t.equal(defaultFormat({ specialTokens: new Map([["<|deduce|>", 2]]) }), "compact");
  t.equal(defaultFormat({ specialTokens: new Map() }), "paper");
});

t.test("files of outcomes: written, read, compared by task in any order", async (t) => {
  const settings = { suite: "tasks.jsonl", model: "m", samples: 4, temperature: 1, seed: 0 };
  const before = [outcome("1", "deduction", false, 0), outcome("2", "deduction", true, 2), outcome("3", "abduction", true, 4)];
  const after = [outcome("3", "abduction", true, 3), outcome("1", "deduction", true, 2), outcome("2", "deduction", true, 2)];
  const dir = t.testdir({});
  const [first, second, other] = ["before", "after", "other"].map((name) => join(dir, name)) as [string, string, string];
  await writeOutcomes(first, [{ settings, outcomes: before }]);
  await writeOutcomes(second, [{ settings: { ...settings, model: "n", temperature: 0.5 }, outcomes: after }]);
  t.same(await readOutcomes(first), [{ settings, outcomes: before }]);
  const [comparison, ...rest] = await compareFiles(first, second);
  t.same(rest, []);
  t.match(comparison, { suite: "tasks.jsonl", before: { model: "m" }, after: { model: "n" }, overall: { n: 3, sampled: { before: 0.5, better: 1, worse: 1 }, greedy: { better: 1, worse: 0 } } });
  t.equal(samplesLabel(comparison!.before, comparison!.after), "mean of 4 samples, temperature 1 before; mean of 4 samples, temperature 0.5 after");
  await writeOutcomes(first, []);
  t.equal((await readOutcomes(first)).length, 1, "writing none only asks whether the file can be written");
  const line = readFileSync(second, "utf8").split("\n");
  const damaged: [name: string, text: string, says: RegExp][] = [
    ["no line", "", /holds no outcomes/],
    ["no settings", line.slice(1).join("\n"), /line 1: there is no line of settings/],
    ["not JSON", `${line[0]}\n{oops\n`, /line 2/],
    ["another suite", line.join("\n").replaceAll("tasks.jsonl", "b.jsonl"), /is of tasks\.jsonl, .* of b\.jsonl/],
    ["fewer tasks", line.slice(0, 3).join("\n"), /not of the same tasks/],
    ["twice", [...line, ...line].join("\n"), /line 6: a second evaluation/],
  ];
  for (const [name, text, message] of damaged) {
    writeFileSync(other, text);
    await t.rejects(compareFiles(first, other), { code: "AZR_INPUT_INVALID", message }, name);
  }
  await t.rejects(compareFiles(first, join(dir, "nowhere")), { code: "AZR_INPUT_INVALID", message: /cannot be read/ });
  await t.rejects(writeOutcomes(join(dir, "no", "folder"), []), { code: "AZR_INPUT_INVALID", message: /cannot be written/ });
});

t.test("task files", async (t) => {
  const line = JSON.stringify({ id: "a", kind: "deduction", program, input: "5", output: "12" });
  const dir = t.testdir({ good: `${line}\n`, bad: `${line}\n{"id":1}\n`, empty: "\n" });
  t.equal((await readTaskFile(`${dir}/good`)).length, 1);
  const bad: number[] = [];
  t.equal((await readTaskFile(`${dir}/bad`, (item) => bad.push(item.line))).length, 1);
  t.same(bad, [2]);
  for (const name of ["bad", "empty", "nowhere"]) await t.rejects(readTaskFile(`${dir}/${name}`), { code: "AZR_INPUT_INVALID" });
});
