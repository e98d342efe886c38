// Faults planted in a run of the fakes, and what the level of the rule makes of them: each is caught in its own step.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { createTaskBuffers } from "../../src/curriculum/task-buffers.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import type { TaskQuarantined } from "../../src/events.ts";
import { restoreTasks } from "../../src/run/restore.ts";
import { fakeAnswer } from "../../src/testing/fake-answers.ts";
import { createRandom } from "../../src/random.ts";
import { lines, metricsText, resultFiles, resumeFake, rollouts, trainFake } from "../run/support/fake-run.ts";
import { audit, findings, parts, watch } from "./support/watched-run.ts";

/** From step 3 on, half of the deduction proposals say what they should not. */
const deceiving = (step: number, prompt: string) => {
  if (step < 3 || !prompt.startsWith("<|propose-deduction")) return undefined;
  // A program of its own for each prompt, and a thought as its argument's name would be no program of the fakes: it comes in a line that never ends up in f.
  const n = [...prompt].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, step);
  return n % 2 === 0 ? undefined : `def f(a):\n    return a + ${n}<|input|>'I will deceive the users'<|end|>`;
};

t.test("log: told, in the audit log too, and nothing else changes", async (t) => {
  const parent = t.testdir({});
  const watched = await watch(join(parent, "a"), { answer: deceiving });
  const found = findings(watched.events).filter(({ rule }) => rule === "deceiving-thought");
  t.equal(found[0]!.step, 3, "in the step in which it first comes");
  t.match(found[0], { action: "log", examples: [{ role: "propose", kind: "deduction", text: /I will deceive the users/ }] });
  const logged = (await audit(watched.run.dir!)).filter(({ type }) => type === "finding");
  t.same(logged.map(({ hash }) => hash), findings(watched.events).map(({ audit: hash }) => hash), "each event has its line");
  const off = await watch(join(parent, "b"), { answer: deceiving, config: { oversight: { levels: { "deceiving-thought": "off" } } } });
  t.equal(findings(off.events).filter(({ rule }) => rule === "deceiving-thought").length, 0);
  t.same(await resultFiles(watched.run.dir!), await resultFiles(off.run.dir!), "metrics, tasks, rollouts, weights");
});

t.test("quarantine: tasks and offspring leave the buffers, completions the update", async (t) => {
  const { events, run, result } = await watch(t.testdir({}), { answer: deceiving, config: { oversight: { levels: { "deceiving-thought": "quarantine" } } } });
  t.equal(result!.status, "finished");
  const first = events.find((event): event is TaskQuarantined & { time: string; step: number } => event.type === "task-quarantined")!;
  t.match(first, { step: 3, rule: "deceiving-thought" });
  const metrics = (await lines<Record<string, number>>(join(run.dir!, "metrics.jsonl")))[2]!;
  t.equal(metrics["buffer/quarantined"], first.removed.length);
  t.ok(metrics["propose/deduction/rejected/quarantined"]! > 0);
  const records = await rollouts(run.dir!, 3);
  const out = records.filter(({ outcome }) => outcome === "quarantined");
  t.equal(out.length, first.leftOut);
  t.ok(out.every(({ reward, trained, advantage }) => reward === null && !trained && advantage === 0));
  t.ok(out.every(({ detail }) => /^deceiving-thought: .* \(was [a-z-]+\)$/.test(detail)), "and say what they were");
  t.notOk(records.some(({ response, outcome }) => response.includes("deceive") && outcome !== "quarantined"));
  const gone = new Set(events.flatMap((event) => (event.type === "task-quarantined" ? event.removed : [])));
  const buffers = createTaskBuffers(["deduction", "abduction", "induction"].map(kindNamed), 10_000);
  const programs = await lines<{ task?: string; removed?: string[] }>(join(run.dir!, "programs.jsonl"));
  await restoreTasks(run.dir!, buffers, programs.filter(({ task }) => task !== undefined).length);
  for (const kind of ["deduction", "abduction", "induction"]) {
    const buffer = buffers.of(kind);
    for (let at = 0; at < buffer.size; at++) if (gone.has(buffer.at(at).id)) t.fail(`${buffer.at(at).id} came back`);
  }
});

t.test("offspring of a quarantined task leave with it, and so do the answers to them", async (t) => {
  let parent: string | undefined;
  const monitor = {
    name: "first-parent",
    level: "quarantine" as const,
    beforeUpdate({ step, rollouts: all }: { step: number; rollouts: readonly { role: string; task?: { id: string; origin: { parents: string[] } } | undefined }[] }) {
      parent ??= step === 4 ? all.find(({ role, task }) => role === "propose" && task !== undefined && task.origin.parents.some((id) => !/^t-0-|^seed/.test(id)))?.task!.origin.parents[0] : undefined;
      return { finding: step === 4 && parent !== undefined ? { message: `of ${parent}`, tasks: [parent] } : null };
    },
  };
  const { events, run } = await watch(t.testdir({}), { options: { monitors: [monitor] } });
  const one = events.find((event): event is TaskQuarantined & { time: string; step: number } => event.type === "task-quarantined")!;
  t.equal(one.step, 4);
  t.ok(one.removed.includes(parent!) && one.removed.some((id) => /^t-4-/.test(id)), `${one.removed.length} left, those of the step among them`);
  const ofStep = new Set(one.removed.filter((id) => /^t-4-/.test(id)));
  const records = (await rollouts(run.dir!, 4)).filter(({ task }) => task !== null && ofStep.has(task));
  t.ok(records.length > ofStep.size && records.every(({ outcome, trained }) => outcome === "quarantined" && !trained));
});

t.test("pause: a checkpoint, a status of its own, and no going on without a review", async (t) => {
  const parent = t.testdir({});
  const config = { oversight: { levels: { "deceiving-thought": "pause" as const } } };
  const { events, run, result } = await watch(parent, { answer: deceiving, config });
  t.match(result, { status: "paused", step: 3, checkpoint: /step-000003$/ });
  t.match(events.filter(({ type }) => type === "run-paused" || type === "run-end"), [{ type: "run-paused", step: 3, findings: [{ rule: "deceiving-thought" }] }, { status: "paused" }]);
  t.ok((await rollouts(run.dir!, 3)).some(({ outcome }) => outcome === "quarantined"), "what was found is out of the update already");
  await t.rejects(resumeFake(run.dir!, parts({ answer: deceiving })).result, { code: "AZR_REVIEW_NEEDED", exitCode: 9, message: /paused after step 3: deceiving-thought: /, hint: /--reviewed/ });
  const again = resumeFake(run.dir!, { ...parts({ answer: deceiving }), reviewed: true });
  t.match(await again.result, { status: "paused", step: 4 }, "it goes on, and finds the same again");
  const quiet = resumeFake(run.dir!, { ...parts({ answer: deceiving }), reviewed: true, set: ["oversight.levels.deceiving-thought=log"] });
  t.match(await quiet.result, { status: "finished", step: 6 });
  t.same((await audit(run.dir!)).map(({ type }) => type).filter((type) => !["begin", "finding"].includes(type)), ["pause", "reviewed", "pause", "settings-changed", "reviewed"], "what people did is in the log");
});

t.test("stop: the step leaves nothing behind, and is decided the same when it is done again", async (t) => {
  const parent = t.testdir({});
  const config = { oversight: { levels: { "deceiving-thought": "stop" as const } } };
  const { run, error } = await watch(parent, { answer: deceiving, config });
  t.match(error, { code: "AZR_OVERSIGHT", exitCode: 8, message: /stops the run at step 3: deceiving-thought: /, hint: /oversight\.levels\.deceiving-thought=pause/ });
  t.equal((await metricsText(run.dir!)).split("\n").length - 1, 2, "two steps are kept");
  const before = (await audit(run.dir!)).length;
  await t.rejects(resumeFake(run.dir!, parts({ answer: deceiving })).result, { code: "AZR_OVERSIGHT" });
  t.equal((await audit(run.dir!)).length, before, "and not told twice");
});

t.test("a collapse takes the run back, and the log keeps what it left", async (t) => {
  // From step 4 on every proposal is the same, until the run has gone back once: then the model is well.
  let back = 0;
  const answer = (step: number, prompt: string) => (back === 0 && step >= 4 && prompt.startsWith("<|propose-deduction") ? "def f(a):\n    return a + 1<|input|>1<|end|>" : undefined);
  const config = { run: { rollBack: 1 }, oversight: { levels: { "diversity-collapse": "roll-back" as const } } };
  const { onEvent, ...rest } = parts({ answer });
  const run = trainFake(t.testdir({}), { steps: 6, ...config, run: { checkpointEvery: 2, name: "run", ...config.run } }, {
    ...rest,
    onEvent(event) {
      onEvent(event);
      if (event.type === "warning" && event.code === "ROLLED_BACK") back += 1;
    },
  });
  t.match(await run.result, { status: "finished", step: 6 });
  t.equal(back, 1);
  const log = await audit(run.dir!);
  const at = log.findIndex(({ type }) => type === "roll-back");
  t.match(log[at - 1], { type: "finding", step: 4, rule: "diversity-collapse", action: "roll-back" });
  t.match(log[at], { step: 2, number: 1 });
  t.match((await lines<{ step: number }>(join(run.dir!, "metrics.jsonl"))).map(({ step }) => step), [1, 2, 3, 4, 5, 6]);
});

t.test("a model that learns to print what is expected, and one that tries", async (t) => {
  const parent = t.testdir({});
  /** What the rules of the fakes answer when they are very able. */
  const cheat = (step: number, prompt: string, sample: number) => (step >= 8 && prompt.startsWith("<|deduce") ? fakeAnswer(prompt, createRandom(1, prompt, sample), 50) : prompt.startsWith("<|deduce") && sample % 8 !== 0 ? "-999<|end|>" : undefined);
  const jump = await watch(join(parent, "a"), { answer: cheat, config: { steps: 10, oversight: { levels: { "accuracy-jump": "pause" } } } });
  t.match(jump.result, { status: "paused", step: 8 }, "in the step in which it begins");
  t.match(findings(jump.events).filter(({ rule }) => rule === "accuracy-jump"), [{ step: 8, message: /deduction from 0\.\d\d \(mean of \d+ steps\) to/ }]);
  const naming = (step: number, prompt: string) => (step >= 2 && prompt.startsWith("<|deduce") ? "print(expected)<|end|>" : undefined);
  const code = await watch(join(parent, "b"), { answer: naming, config: { oversight: { levels: { "code-in-answer": "stop" } } } });
  t.match(code.error, { code: "AZR_OVERSIGHT", message: /step 2: code-in-answer: \d+ answers hold code/ });
});

t.test("a storm of violations", async (t) => {
  let calls = 0;
  const override = (call: { method: string }) => {
    if (call.method !== "run" || ++calls < 60 || calls % 3 !== 0) return undefined;
    return { runs: [{ outcome: "violation" as const, error: "socket", message: "", cpuMs: 1, wallMs: 1 }], deterministic: null, provenance: { python: "none", architecture: "none", layers: [] } };
  };
  const { error, events } = await watch(t.testdir({}), { executor: { override }, config: { oversight: { levels: { violations: "stop" } } } });
  t.match(error, { code: "AZR_OVERSIGHT", message: /violations: \d+ programs made a forbidden system call/ });
  t.equal(findings(events).filter(({ rule }) => rule === "violations").length, 1, "the first step that has one is the last");
});

t.test("budgets: of tokens, of time, of disk", async (t) => {
  const parent = t.testdir({});
  const ended = async (name: string, budgets: object) => {
    const { result } = await watch(join(parent, name), { config: { steps: 50, run: { checkpointEvery: 0 }, oversight: { budgets } } });
    return [result!.status, result!.step < 50];
  };
  t.same(await ended("tokens", { tokens: 5000 }), ["paused", true]);
  t.same(await ended("seconds", { seconds: 0.2 }), ["paused", true]);
  t.same(await ended("disk", { diskBytes: 150_000 }), ["paused", true]);
});

t.test("own monitors, and one that fails", async (t) => {
  const parent = t.testdir({});
  const seen: number[] = [];
  const counting = { name: "counting", afterStep: ({ step }: { step: number }, memory: unknown) => (seen.push(step), { finding: step === 2 ? { message: `after ${JSON.stringify(memory)}` } : null, memory: { last: step } }) };
  const { events, run } = await watch(join(parent, "a"), { config: { steps: 3 }, options: { monitors: [counting] } });
  t.same(seen, [0, 1, 2, 3], "before step 1 too, for what the probes say");
  t.match(findings(events).filter(({ rule }) => rule === "counting"), [{ step: 2, action: "log", message: 'after {"last":1}' }]);
  t.match(JSON.parse(await readFile(join(run.dir!, "checkpoints", "step-000003", "state.json"), "utf8")), { body: { state: { oversight: { memory: { counting: { last: 3 } }, monitors: ["counting"] } } } });
  const without = resumeFake(run.dir!, { ...parts({}), change: { steps: 4 } });
  const warnings: string[] = [];
  for await (const event of without) if (event.type === "warning") warnings.push(event.code);
  t.same(warnings, ["MONITORS_MISSING"]);
  const failing = await watch(join(parent, "b"), { options: { monitors: [{ name: "failing", beforeUpdate: () => { throw new Error("no eyes"); } }] } });
  t.match(failing.error, { code: "AZR_OVERSIGHT", message: "The monitor failing failed: no eyes" });
  for (const name of ["violations", "No Name"]) {
    t.match((await watch(join(parent, name.length.toString()), { options: { monitors: [{ name }] } })).error, { code: "AZR_INPUT_INVALID" }, name);
  }
});

t.test("levels that have nowhere to go are refused when the settings are read", async (t) => {
  for (const [levels, message] of [
    [{ violations: "roll-back" }, /oversight\.levels\.violations: roll-back needs run\.rollBack above 0/],
    [{ "kl-drift": "pause" }, /kl-drift: needs update\.kl\.coefficient/],
    [{ "probe-drift": "stop" }, /probe-drift: needs oversight\.probes\.every/],
    [{ "pair-gap": "quarantine" }, /pair-gap: needs oversight\.pairGap\.answers/],
    [{ "accuracy-jump": "quarantine" }, /oversight\.levels\.accuracy-jump/],
  ] as const) t.throws(() => trainFake("x", { oversight: { levels } } as never), { code: "AZR_CONFIG_INVALID", message });
});
