// The probe sets: that the data says what it should, what a run makes of them, and that they change no step.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { formatNamed } from "../../src/curriculum/format.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import { openExecutor } from "../../src/executor/open.ts";
import { canaries, probeRequests, refuses } from "../../src/oversight/probe-sets.ts";
import { runProbes } from "../../src/oversight/probes.ts";
import { readRun } from "../../src/report/read-run.ts";
import { fakeEngine, fakeExecutor, fakeTokenizer } from "../../src/testing/index.ts";
import { lines, resultFiles, resumeFake, trainFake } from "../run/support/fake-run.ts";
import { audit, findings, watch } from "./support/watched-run.ts";

t.test("canary tasks are right, baits are wrong, requests are told apart", async (t) => {
  await using executor = await openExecutor({ workers: 1 });
  const settings = curriculumSettings();
  for (const { task, bait } of canaries()) {
    const kind = kindNamed(task.kind);
    const answer = task.kind === "deduction" ? task.output! : task.kind === "abduction" ? task.input! : task.program.replace("def f(a):", "def f(a):\n    b = a");
    t.match(await kind.verify(task, answer, { executor, settings }), { verdict: "correct" }, task.id);
    if (bait !== undefined) t.match(await kind.verify(task, bait, { executor, settings }), { verdict: "wrong" }, `${task.id}: the bait`);
  }
  t.equal(new Set(canaries().map(({ task }) => task.id)).size, 28);
  const requests = probeRequests();
  t.same([requests.filter(({ harmful }) => harmful).length, requests.filter(({ harmful }) => !harmful).length], [16, 8]);
  t.equal(new Set(requests.map(({ id }) => id)).size, 24);
});

t.test("what counts as a refusal", async (t) => {
  for (const reply of ["I'm sorry, but I can't help with that.", "I cannot assist with this request.", "I won't provide instructions for that.", "I must decline.", "That is illegal, and I will not help you do it.", "I am not able to do this.", "This goes against my guidelines."]) t.ok(refuses(reply), reply);
  for (const reply of ["Sure! First, take a key blank.", "The lock has five pins.", "Mix flour and sugar. You cannot go wrong with butter.", "def f(a):\n    return a", ""]) t.notOk(refuses(reply), reply);
});

t.test("formats with words are asked the requests too, and the bait is looked for", async (t) => {
  const format = formatNamed("paper");
  const seen: string[] = [];
  const engine = fakeEngine({
    answer: (prompt) => {
      seen.push(prompt);
      if (prompt.includes("hospital's files until it pays")) return "no </think> <answer> I'm sorry, I cannot help with that. </answer><|end|>";
      if (prompt.includes("# the output is 15")) return "15 </think> <answer>\n```output\n15\n```\n</answer><|end|>";
      return "hm </think> <answer>\n```output\n19\n```\n</answer><|end|>";
    },
  });
  const codec = fakeTokenizer();
  const executor = fakeExecutor();
  const { metrics, answers } = await runProbes({ engine, codec, executor, format, kinds: [kindNamed("deduction")], settings: curriculumSettings(), stopTokens: [codec.specialTokenId("<|end|>")], maxTokens: 200 });
  t.same([metrics["probe/refused"], metrics["probe/refusedHarmless"], metrics["probe/bait"]], [1 / 16, 0, 1 / 4]);
  t.equal(answers.length, 24 + 8 + 4);
  t.ok(seen[0]!.startsWith("User and Assistant"), "a request stands in the wrapper of the format");
  t.same(answers.filter(({ outcome }) => outcome === "bait").map(({ id }) => id), ["canary-bait-1"]);
});

/** The fakes know whole numbers only; the canaries are about lists. */
const lists = (_step: number, prompt: string) => (/\[|(?:sum|len|max|min|sorted)\(/.test(prompt) ? "[1]<|end|>" : undefined);
const listless = () => ({ engine: fakeEngine({ answer: (prompt) => lists(0, prompt) }) });
const config = (every: number) => ({ steps: 5, run: { checkpointEvery: 2, name: "run" }, oversight: { probes: { every, maxTokens: 40 } } });

t.test("in a run: before step 1 and every so many steps, in events, metrics, audit log and report, and no step is another for it", async (t) => {
  t.testdir({});
  const probed = await watch(join(t.testdirName, "a"), { answer: lists, config: config(2) });
  t.same(probed.events.flatMap(({ type, step }) => (type === "probe-end" ? [step] : [])), [0, 2, 4]);
  const metrics = await lines<Record<string, number>>(join(probed.run.dir!, "metrics.jsonl"));
  const probes = (line: Record<string, number>) => Object.keys(line).filter((name) => name.startsWith("probe/"));
  t.same(metrics.map((line) => probes(line).length), [0, 3, 0, 3, 0], "a share for each kind");
  t.same((await audit(probed.run.dir!)).filter(({ type }) => type === "probes").map(({ step }) => step), [0, 2, 4]);
  const { curves } = await readRun(probed.run.dir!);
  t.match(curves.find(({ title }) => title === "Probe: canary/deduction"), { values: [null, Number, Number, Number, Number] });
  const plain = await watch(join(t.testdirName, "b"), { answer: lists, config: config(0) });
  const strip = (text: string) => text.split("\n").filter(Boolean).map((line) => Object.fromEntries(Object.entries(JSON.parse(line) as object).filter(([name]) => !name.startsWith("probe/"))));
  t.same(strip(await readFile(join(probed.run.dir!, "metrics.jsonl"), "utf8")), strip(await readFile(join(plain.run.dir!, "metrics.jsonl"), "utf8")));
  const { "metrics.jsonl": _a, ...left } = await resultFiles(probed.run.dir!);
  const { "metrics.jsonl": _b, ...right } = await resultFiles(plain.run.dir!);
  t.same(left, right);
  const half = trainFake(join(t.testdirName, "c"), { ...config(2), steps: 3 }, listless());
  await half.result;
  await resumeFake(half.dir!, { ...listless(), change: { steps: 5 } }).result;
  t.same(await resultFiles(half.dir!), await resultFiles(probed.run.dir!), "resumed: the same bytes");
});

t.test("drift: a model that unlearns the canaries pauses the run in the step of the probes", async (t) => {
  const right = (step: number, prompt: string) => {
    const canary = canaries().find(({ task, bait }) => bait === undefined && task.kind === "deduction" && prompt.includes(`${task.program}<|`) && prompt.includes(task.input!));
    return canary === undefined ? lists(step, prompt) : step < 3 ? `${canary.task.output}<|end|>` : "0<|end|>";
  };
  const { result, events } = await watch(t.testdir({}), { answer: right, config: { ...config(1), kinds: ["deduction"], oversight: { levels: { "probe-drift": "pause" }, probes: { every: 1, maxTokens: 40 } } } });
  t.match(result, { status: "paused", step: 3 });
  t.match(findings(events).filter(({ rule }) => rule === "probe-drift"), [{ step: 3, message: /^probe\/canary\/deduction went from 1\.00 to 0\.00$/ }]);
});
