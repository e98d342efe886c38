// Tasks whose program turns out to be no function: what shows it, which tasks then leave the buffers, and what becomes of answers to them.
// (contradictions-resume.test.ts: no run forgets it; contradictions-real.test.ts: the real executor.)
import { join } from "node:path";
import t from "tap";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import { createTaskBuffer } from "../../src/curriculum/task-buffer.ts";
import { createTaskBuffers, type TaskBuffers } from "../../src/curriculum/task-buffers.ts";
import type { Task } from "../../src/curriculum/task.ts";
import type { RunEvent } from "../../src/events.ts";
import type { RunRequest, RunResult } from "../../src/executor/executor.ts";
import { createRandom } from "../../src/random.ts";
import { readRun } from "../../src/report/read-run.ts";
import { collect, fakeEngine, fakeExecutor, fakeTokenizer } from "../../src/testing/index.ts";
import { lines, rollouts, trainFake } from "../run/support/fake-run.ts";
import { scriptedExecutor } from "./support/scripted-executor.ts";
import { abduce, programs } from "./support/scripted-programs.ts";

const settings = curriculumSettings();

t.test("what judging an abduction answer shows of the task's program", async (t) => {
  const all = { ...programs, four: { run: () => "4" } };
  // The task's own input is 3, its output 4.
  const cases: [name: string, program: string, answer: string, contradicts: RegExp | undefined, flaky?: (request: RunRequest) => boolean][] = [
    ["its own input, respelled, gives the output", "four", "3,", undefined],
    ["another input gives another output", "good", "7", undefined],
    ["its own input gives another output", "random", "3,", /on its own input: the program gives another output/],
    ["and in another spelling", "random", "0x3", /on its own input/],
    ["its own input raises", "raises", "3,", /on its own input: runtime-error: ValueError/],
    ["its own input meets a limit", "loops", "3,", /on its own input: time-limit/],
    ["its own input, and the program does not compile any more", "uncompiled", "3,", /on its own input: compile-error/],
    ["another input raises", "raises", "9", undefined],
    ["equal by value, of another type", "random", "3.0", undefined],
    ["refused", "refused", "3,", undefined],
    ["the sandbox failed", "broken", "3,", undefined],
    ["executions of another input differ", "four", "5", /on another input two executions differed/, () => true],
    ["they differ at the limits only", "four", "5", undefined, ({ limits }) => limits!.cpuMs === settings.limits.cpuMs],
  ];
  for (const [name, program, answer, contradicts, flaky] of cases) {
    const scripted = scriptedExecutor(all);
    const executor = {
      ...scripted,
      async run(request: RunRequest): Promise<RunResult> {
        const result = await scripted.run(request);
        return flaky?.(request) ? { ...result, deterministic: false } : result;
      },
    };
    const result = await kindNamed("abduction").verify(abduce(program), answer, { executor, settings });
    if (contradicts === undefined) t.equal(result.contradicts, undefined, name);
    else t.match(result.contradicts, contradicts, name);
    t.equal(result.verdict === "undecided", program === "broken", `${name}: ${result.verdict}`);
    const [, second] = scripted.calls.runs;
    if (flaky) t.match(second, { limits: { cpuMs: 250 }, variantLimits: settings.limits, determinism: "pair" }, "asked again with room to the limits");
    else t.equal(second, undefined, "one request");
  }
  const executor = scriptedExecutor(programs);
  for (const kind of ["deduction", "induction"]) {
    const inputs = kind === "induction" ? ["1", "2", "3", "4", "5", "6"] : ["1"];
    t.match(await kindNamed(kind).validate({ program: "random", inputs }, { executor, settings }), { ok: false, reason: "nondeterministic", contradicts: /two executions differed/ }, kind);
    t.notMatch(await kindNamed(kind).validate({ program: "raises", inputs }, { executor, settings }), { contradicts: /./ });
  }
});

const task = (id: string, parents: string[] = [], program = id): Task => ({
  id, kind: { d: "deduction", a: "abduction", i: "induction" }[id[0]!]!, program, input: "1", output: "1", origin: { step: Number(id[1]), parents },
});

t.test("a removed task leaves with its offspring, in all buffers, for good", async (t) => {
  const kinds = ["deduction", "abduction", "induction"].map(kindNamed);
  const family: [roots: string[], removed: string[]][] = [
    [["d1"], ["d1", "d3", "a2", "a4", "i2", "i3", "i4"]],
    [["d3"], ["d3", "a4"]],
    [["a2"], ["a2", "i4"]],
    [["i9"], []],
    [["d2", "i4"], ["d2", "i4"]],
  ];
  // These make room where there is room for three; lines of descent go through them all the same.
  const early = ["a1", "i1", "i2"];
  for (const capacity of [10, 3]) {
    for (const [roots, whole] of family) {
      const all = [
        task("d1"), task("d2"), task("a1"), task("i1"),
        task("a2", ["d1"]), task("i2", ["d1"]), task("d3", ["d1"]), task("i3", ["i2"]),
        task("a3"), task("a4", ["d3", "a1"]), task("i4", ["a2"]), task("i5"),
      ];
      const filled = () => {
        const some = createTaskBuffers(kinds, capacity);
        for (const one of all) some.of(one.kind).add(one, `key-${one.id}`);
        return some;
      };
      const buffers = filled();
      const expected = whole.filter((id) => capacity > 3 || !early.includes(id));
      t.same(buffers.removeWithOffspring(roots), expected, `${roots.join(" and ")} of buffers of ${capacity}`);
      for (const id of expected) t.ok(buffers.knows(`key-${id}`) && buffers.hasRemoved(`key-${id}`), `${id} stays known`);
      t.notOk(buffers.hasRemoved("key-a1") || buffers.hasRemoved("key-i1"), "what made room was not removed");
      const drawn = new Set<string>();
      for (let at = 0; at < 40; at++) {
        for (const { name } of kinds) for (const { id } of buffers.of(name).sample(2, createRandom(at))) drawn.add(id);
        for (const { id } of buffers.samplePrograms(1, createRandom(at, "programs"))) drawn.add(id);
      }
      t.notOk(expected.some((id) => drawn.has(id)), "and is not drawn");
      const restored = filled();
      // As src/run/restore.ts does.
      t.same(restored.remove(new Set(expected)), expected);
      const held = (some: TaskBuffers) => kinds.map(({ name }) => [...some.of(name).lineage()]);
      for (const { name } of kinds) for (let n = 6; n < 9; n++) for (const some of [buffers, restored]) some.of(name).add(task(`${name[0]}${n}`), `key-${name}-${n}`);
      t.same(held(restored), held(buffers), "what is added later goes to the same places");
      t.ok(expected.every((id) => restored.hasRemoved(`key-${id}`)));
    }
  }
  const ring = createTaskBuffer(3);
  for (let n = 1; n <= 5; n++) ring.add(task(`d${n}`), `${n}`);
  t.same(ring.remove(new Set(["d4", "d1"])), ["d4"]);
  ring.add(task("d6"), "6");
  ring.add(task("d7"), "7");
  t.same([0, 1, 2].map((at) => ring.at(at).id), ["d5", "d6", "d7"], "a ring that was full goes on in order");
});

t.test("a task that is contradicted while it is replayed", async (t) => {
  // The name clock is 1 on A and 2 on a variant: this is 0 for every input on A, and on the variant for 0 alone.
  const odd = "def f(a):\n    return a * (clock - 1)";
  const proposals = [`${odd}<|input|>0`, "def f(a):\n    return a + 10<|input|>1", "def f(a):\n    return a + 20<|input|>1"];
  let proposed = 0;
  // Its own input first; in the second step, when all tasks are replayed beside the new one, another.
  const engine = fakeEngine({
    answer: (prompt, sample) => {
      if (prompt.startsWith("<|propose")) return `${proposals[proposed++] ?? odd + "<|input|>0"}<|end|>`;
      return prompt.includes("clock") && proposed > 1 && sample === 1 ? "5<|end|>" : "0<|end|>";
    },
  });
  const config = { steps: 4, kinds: ["abduction"], curriculum: { proposals: 1, rollouts: { n: 2 }, replay: 8, references: 8 }, update: { advantage: { scope: "group", baseline: "mean" } } } as const;
  const run = trainFake(t.testdir({}), config as never, { engine, tokenizer: fakeTokenizer() });
  const events = await collect(run);
  const told = events.filter((event): event is Extract<RunEvent, { type: "task-contradicted" }> => event.type === "task-contradicted");
  t.match(told, [{ step: 2, id: "t-1-a-0", reason: /on another input two executions differed/, removed: ["t-1-a-0", "t-2-a-0"] }]);
  t.equal(told.length, 1, "once");
  const [first, second, third] = [await rollouts(run.dir!, 1), await rollouts(run.dir!, 2), await rollouts(run.dir!, 3)];
  t.match(first.filter(({ task }) => task === "t-1-a-0").map(({ outcome }) => outcome), ["accepted", "correct", "correct"]);
  const answers = second.filter(({ role, task }) => role === "solve" && task === "t-1-a-0");
  t.same(answers.map(({ outcome, reward, trained }) => [outcome, reward, trained]), [["contradicted", null, false], ["contradicted", null, false]]);
  t.ok(second.some(({ role, task, outcome }) => role === "solve" && task === "t-2-a-0" && outcome !== "contradicted"), "answers to its offspring count");
  t.notOk(third.some(({ task, prompt }) => task === "t-1-a-0" || task === "t-2-a-0" || prompt.includes("clock") || prompt.includes("a + 10")), "neither is drawn again, as reference or to be solved");
  const metrics = await lines<Record<string, number>>(join(run.dir!, "metrics.jsonl"));
  t.same(metrics.map((line) => [line["buffer/contradicted"], line["buffer/removed"], line["buffer/abduction/size"]]), [[0, 0, 2], [1, 2, 1], [0, 0, 2], [0, 0, 2]]);
  t.equal(metrics[1]!["solve/abduction/contradicted"], 2 / 6);
  t.same((await lines<{ contradicted?: string }>(join(run.dir!, "programs.jsonl"))).filter(({ contradicted }) => contradicted), [{ contradicted: "t-1-a-0", removed: ["t-1-a-0", "t-2-a-0"] }]);
  const [again] = (await rollouts(run.dir!, 4)).filter(({ role }) => role === "propose");
  t.equal(again!.outcome, "duplicate", "and it does not come back");
  t.match((await readRun(run.dir!)).facts.find(({ name }) => name.includes("contradicted")), { value: "2" }, "the report tells");
});

t.test("a task whose program an induction proposal contradicts, and a proposal that is contradicted in its own step", async (t) => {
  const odd = "def f(a):\n    return a * (clock - 1)";
  const answer = (prompt: string, sample: number) => {
    if (prompt.startsWith("<|propose-abduction")) return `${odd}<|input|>0<|end|>`;
    if (prompt.startsWith("<|propose-induction")) return `${[1, 2, 3, 4, 5, 6].join("<|input|>")}<|end|>`;
    return prompt.startsWith("<|abduce") ? `${prompt.includes("clock") && sample === 1 && late ? 5 : 0}<|end|>` : "def f(x):\n    return x<|end|>";
  };
  let late = false;
  const config = { steps: 2, kinds: ["abduction", "induction"], curriculum: { proposals: 2, rollouts: { n: 2 }, replay: 0, deduplicate: false } };
  const first = trainFake(join(t.testdir({}), "induction"), config, { engine: fakeEngine({ answer }), tokenizer: fakeTokenizer() });
  const told = (await collect(first)).filter(({ type }) => type === "task-contradicted");
  // Of the two proposals of step 2 at least one builds on it; both abduction tasks of step 1 have its program.
  t.match(told, [{ step: 2, reason: /on the inputs of a proposal two executions differed/ }]);
  t.same((told[0] as unknown as { removed: string[] }).removed.filter((id) => id.includes("-a-")), ["t-1-a-0", "t-1-a-1", "t-2-a-0", "t-2-a-1"]);
  const proposals = (await rollouts(first.dir!, 2)).filter(({ role, kind }) => role === "propose" && kind === "abduction");
  t.same(proposals.map(({ outcome, reward, solveRate }) => [outcome, reward, solveRate]), [["nondeterministic", -1, undefined], ["nondeterministic", -1, undefined]], "what validation would have said");

  late = true;
  const second = trainFake(join(t.testdirName, "own"), { ...config, steps: 2, kinds: ["abduction"] }, { engine: fakeEngine({ answer }), tokenizer: fakeTokenizer() });
  const events = await collect(second);
  t.match(events.filter(({ type }) => type === "task-contradicted"), [{ step: 1, id: "t-1-a-0", removed: ["t-1-a-0", "t-1-a-1"] }]);
  const [step1, step2] = [await rollouts(second.dir!, 1), await rollouts(second.dir!, 2)];
  t.same(step1.map(({ role, outcome, reward }) => [role, outcome, reward]), [
    ["propose", "nondeterministic", -1], ["propose", "nondeterministic", -1],
    ...Array.from({ length: 4 }, () => ["solve", "contradicted", null]),
  ]);
  t.same(step2.map(({ outcome }) => outcome), ["duplicate", "duplicate"], "where duplicates are allowed, what was contradicted is not");
});

t.test("an induction proposal that repeats the task's own input with another output", async (t) => {
  let full = 0;
  const executor = fakeExecutor({ override: (call) => {
    // As after a change of Python: the same program gives something else, in all processes.
    if (call.method !== "run" || !call.request.program.includes("a + 10") || call.request.inputs.length === 1 || full++ > 0) return undefined;
    const runs = call.request.inputs.map(() => ({ outcome: "ok", value: "77", cpuMs: 1, wallMs: 1 }) as const);
    return { runs, deterministic: true, provenance: { python: "none", architecture: "x64", layers: [] } };
  } });
  const answer = (prompt: string) => {
    if (prompt.startsWith("<|propose-deduction")) return "def f(a):\n    return a + 10<|input|>1<|end|>";
    return prompt.startsWith("<|propose-induction") ? `${[9, 8, 7, 3, 2, 1].join("<|input|>")}<|end|>` : "0<|end|>";
  };
  const config = { steps: 6, kinds: ["deduction", "induction"], curriculum: { proposals: 1, rollouts: { n: 2 }, replay: 0 } };
  const run = trainFake(t.testdir({}), config, { engine: fakeEngine({ answer }), executor, tokenizer: fakeTokenizer() });
  const told = (await collect(run)).filter(({ type }) => type === "task-contradicted");
  t.equal(full > 0, true, "it was drawn");
  t.match(told, [{ id: "t-1-d-0", reason: /on its own input another output/ }]);
  t.match((told[0] as unknown as { removed: string[] }).removed, ["t-1-d-0", /-i-0$/]);
});
