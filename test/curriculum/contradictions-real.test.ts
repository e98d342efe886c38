// Programs that are functions on the inputs that validation saw, and on no others: the real executor finds them out while answers are judged, or
// when an induction proposal builds on them, and the run lets go of their tasks.
import { join } from "node:path";
import t from "tap";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import type { Task } from "../../src/curriculum/task.ts";
import type { TaskContradicted } from "../../src/events.ts";
import { collect, fakeEngine, fakeTokenizer } from "../../src/testing/index.ts";
import { openExecutorFor } from "../executor/support/open.ts";
import { lines, rollouts, trainFake } from "../run/support/fake-run.ts";

const executor = await openExecutorFor(t);
const settings = curriculumSettings();

/** 0 below 10; from there on the order of a set of two texts, or where an object lies. */
const setOrder = "def f(x):\n    return 0 if x < 10 else 'ab'.index(next(iter({'a%d' % x, 'b%d' % x}))[0])";
const address = "def f(x):\n    return 0 if x < 10 else (id(list(range(x))) // 4096 + x) * 2654435761 % 2**32 >> 31";
/** Near the limits of time and memory this one is different, or nothing, in each process; that is no fault of its task. */
const greedy = "def f(x):\n    y = 'a' * x\n    return 0";

t.test("what judging shows", async (t) => {
  for (const [name, program] of [["set order", setOrder], ["an address", address]] as const) {
    const validation = await kindNamed("abduction").validate({ program, inputs: ["3"] }, { executor, settings });
    t.match(validation, { ok: true, task: { output: "0" } }, `${name}: validation has no way to know`);
    const task: Task = { id: "a", kind: "abduction", program, input: "3", output: "0", origin: { step: 1, parents: [] } };
    const judge = async (input: number) => kindNamed("abduction").verify(task, String(input), { executor, settings });
    for (const result of await Promise.all([0, 1, 2, 4, 9].map(judge))) t.same([result.verdict, result.contradicts], ["correct", undefined]);
    const results = await Promise.all(Array.from({ length: 30 }, (_, at) => judge(10 + at)));
    const contradicting = results.filter(({ contradicts }) => contradicts !== undefined);
    t.ok(contradicting.length >= 1, `${name}: ${contradicting.length} of 30 answers show it`);
    t.ok(contradicting.every(({ verdict, contradicts }) => verdict === "wrong" && contradicts!.includes("two executions differed")));
    t.match(await kindNamed("induction").validate({ program, inputs: ["1", "2", "3", "11", "12", "13", "14", "15"] }, { executor, settings }), { reason: "nondeterministic", contradicts: /differed/ }, `${name}: an induction proposal`);
  }
  const order: Task = { id: "o", kind: "abduction", program: "def f(s):\n    return list(s)", input: "{1, 9}", output: "[1, 9]", origin: { step: 1, parents: [] } };
  t.match(await kindNamed("abduction").verify(order, "{9, 1}", { executor, settings }), { contradicts: /on its own input: the program gives another output/ }, "the order in which a set was written");
  const kept: [task: Task, answer: string][] = [
    [{ ...order, program: "def f(s):\n    return sorted(s)" }, "{9, 1}"],
    [{ ...order, program: "def f(x):\n    return str(x)", input: "3", output: "'3'" }, "3.0"],
    [{ ...order, program: "def f(x):\n    return str(x)", input: "3", output: "'3'" }, "True"],
    [{ ...order, program: "def f(x, y):\n    return x - y", input: "3, 1", output: "2" }, "1, 3"],
    [{ ...order, program: greedy, input: "3", output: "0" }, String(300 << 20)],
    [{ ...order, program: greedy, input: "3", output: "0" }, String(200 << 20)],
  ];
  for (const [task, answer] of kept) t.equal((await kindNamed("abduction").verify(task, answer, { executor, settings })).contradicts, undefined, `${task.program} on ${answer.slice(0, 40)}`);
});

t.test("in a run", async (t) => {
  // Solved by its own input in step 1; in step 2 replayed, and answered with inputs that show it.
  let proposed = 0;
  const engine = fakeEngine({
    answer: (prompt, sample) => {
      if (prompt.startsWith("<|propose")) return [`${setOrder}<|input|>3<|end|>`, "def f(x):\n    return x + 5<|input|>1<|end|>"][Math.min(proposed++, 1)];
      return prompt.includes("iter") && proposed > 1 ? `${10 + sample}<|end|>` : "3<|end|>";
    },
  });
  const run = trainFake(t.testdir({}), { steps: 3, kinds: ["abduction"], curriculum: { proposals: 1, rollouts: { n: 32 }, replay: 8, references: 1 } }, { engine, executor, tokenizer: fakeTokenizer() });
  const told = (await collect(run)).filter(({ type }) => type === "task-contradicted") as (TaskContradicted & { step: number })[];
  t.equal(told.length, 1);
  t.match(told[0], { step: 2, id: "t-1-a-0", reason: /two executions differed/ });
  t.equal(told[0]!.removed[0], "t-1-a-0");
  const answers = (await rollouts(run.dir!, 2)).filter(({ role, task }) => role === "solve" && task === "t-1-a-0");
  t.equal(answers.length, 32);
  t.ok(answers.every(({ outcome, reward, trained }) => outcome === "contradicted" && reward === null && !trained), "no answer to it is rewarded or punished");
  t.notOk((await rollouts(run.dir!, 3)).some(({ prompt }) => prompt.includes("iter")), "it is not seen again");
  t.same((await lines<Record<string, number>>(join(run.dir!, "metrics.jsonl"))).map((line) => line["buffer/contradicted"]), [0, 1, 0]);
});
