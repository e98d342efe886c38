// Contradicted tasks stay away: whatever finishes first, in seeds that grow, and after a break at any point.
import { createHash } from "node:crypto";
import { join } from "node:path";
import t from "tap";
import type { Task } from "../../src/curriculum/task.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { createTaskBuffers } from "../../src/curriculum/task-buffers.ts";
import type { TaskContradicted } from "../../src/events.ts";
import { createRandom } from "../../src/random.ts";
import { restoreTasks } from "../../src/run/restore.ts";
import { collect, failingDisk, fakeEngine, fakeExecutor, fakeTokenizer } from "../../src/testing/index.ts";
import { lines, resultFiles, resumeFake, trainFake } from "../run/support/fake-run.ts";

t.test("seeds that are contradicted while they grow", async (t) => {
  // Each abduction seed but the built-in one is odd; induction seeds that would build on them show it.
  let written = 0;
  let asked = 0;
  const answer = (prompt: string) => {
    if (prompt.startsWith("<|propose-abduction")) return `def f(a):\n    return a * (clock - 1) * ${++written}<|input|>0<|end|>`;
    return prompt.startsWith("<|propose") ? `${[1, 2, 3, 4, 5, 100 + asked++].join("<|input|>")}<|end|>` : "0<|end|>";
  };
  const config = { steps: 1, kinds: ["abduction", "induction"], curriculum: { proposals: 2, references: 1, rollouts: { n: 2 }, seedTasks: 8 } };
  const run = trainFake(t.testdir({}), config, { engine: fakeEngine({ answer }), tokenizer: fakeTokenizer() });
  const told = (await collect(run)).filter((event): event is TaskContradicted & { time: string; step: number } => event.type === "task-contradicted");
  const early = told.filter(({ step }) => step === 0);
  t.ok(early.length >= 1 && early.every(({ id }) => /^t-0-a-\d+$/.test(id)), `${early.length} contradicted`);
  const gone = new Set(told.flatMap(({ removed }) => removed));
  t.ok(told.every(({ id }) => gone.has(id)), "each has left, with its own event or as offspring with an earlier one");
  t.equal(gone.size, told.flatMap(({ removed }) => removed).length, "and none twice");
  t.ok(early.some(({ removed }) => removed.length > 1), "with offspring");
  const programs = await lines<{ contradicted: string; task: string; key: string }>(join(run.dir!, "programs.jsonl"));
  t.same(programs.filter(({ contradicted }) => contradicted).map(({ contradicted }) => contradicted), told.map(({ id }) => id), "each has its line");
  const buffers = createTaskBuffers(["abduction", "induction"].map(kindNamed), 100);
  await restoreTasks(run.dir!, buffers, programs.length - told.length);
  const keyOf = new Map(programs.map(({ task, key }) => [task, key]));
  t.ok([...gone].every((id) => buffers.hasRemoved(keyOf.get(id)!)), "a resumed run knows them");
  const size = (name: string) => buffers.of(name).size;
  const [metrics] = await lines<Record<string, number>>(join(run.dir!, "metrics.jsonl"));
  t.same([size("abduction"), size("induction")], [metrics!["buffer/abduction/size"], metrics!["buffer/induction/size"]], "and has what the run had");
});

/** Contradicts about one program in eight, on about half of the inputs that would be correct: the same ones in every process. */
function contradicting(delaySeed?: number) {
  const draw = (text: string) => createHash("sha256").update(text).digest()[0]!;
  return fakeExecutor({
    ...(delaySeed === undefined ? {} : { delaySeed }),
    override: (call) => {
      if (call.method !== "run" || call.request.determinism !== "pair" || call.request.inputs.length !== 1) return undefined;
      const { program, inputs: [input], expected } = call.request;
      if (draw(program) >= 32 || draw(program + input) >= 128) return undefined;
      return { runs: [{ outcome: "ok", value: expected![0]!, cpuMs: 1, wallMs: 1 }], deterministic: false, provenance: { python: "none", architecture: "x64", layers: [] } };
    },
  });
}

t.test("runs in which much is contradicted: no matter what finishes first, and after a break at any point, the same bytes", async (t) => {
  t.testdir({});
  const cases = {
    oldest: { replay: 8, bufferCapacity: 24 },
    // Most new tasks are not let in, and those among them that are contradicted must stay away too.
    newest: { replay: 8, bufferCapacity: 24, eviction: "newest", keep: "not-always-solved", deduplicate: false },
    // Proposals that were written ahead build on tasks that are contradicted meanwhile.
    overlap: { replay: 8, bufferCapacity: 1000, overlap: true },
  } as const;
  for (const [name, curriculum] of Object.entries(cases)) {
    const config = { steps: 8, curriculum, run: { checkpointEvery: 3, name: "run" } };
    const whole = trainFake(join(t.testdirName, name, "whole"), config, { executor: contradicting() });
    await whole.result;
    const expected = await resultFiles(whole.dir!);
    const metrics = await lines<Record<string, number>>(join(whole.dir!, "metrics.jsonl"));
    const sum = (name: string) => metrics.reduce((total, line) => total + line[name]!, 0);
    t.ok(sum("buffer/contradicted") >= 3 && sum("buffer/removed") > sum("buffer/contradicted"), `${sum("buffer/contradicted")} contradicted, ${sum("buffer/removed")} removed`);
    const gone = new Set((await lines<{ removed?: string[] }>(join(whole.dir!, "programs.jsonl"))).flatMap(({ removed = [] }) => removed));
    const orphans = (await lines<Task>(join(whole.dir!, "tasks.jsonl"))).filter(({ id, origin }) => origin.parents.some((parent) => gone.has(parent)) && !gone.has(id));
    // Where no task makes room for others, all that descends from one that left has left.
    if (name === "overlap") t.same(orphans.map(({ id }) => id), []);
    for (const delay of [1, 2]) {
      const delayed = trainFake(join(t.testdirName, name, `delay${delay}`), config, { executor: contradicting(delay) });
      await delayed.result;
      t.same(await resultFiles(delayed.dir!), expected, "answers in another order");
    }
    const random = createRandom(3, "points");
    for (let round = 0; round < 6; round++) {
      const parent = join(t.testdirName, name, `broken${round}`);
      await trainFake(parent, config, { executor: contradicting(), disk: failingDisk({ bytes: 60_000 + random.integer(400_000), as: "dead" }) }).result.catch(() => undefined);
      await resumeFake(join(parent, "run"), { executor: contradicting(round), disk: failingDisk({ bytes: random.integer(200_000), as: "dead" }) }).result.catch(() => undefined);
      await resumeFake(join(parent, "run"), { executor: contradicting() }).result;
      t.same(await resultFiles(join(parent, "run")), expected, `round ${round}`);
    }
  }
});
