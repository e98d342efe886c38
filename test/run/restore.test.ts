// Buffers with every rule of eviction, growth and drawing: a run that breaks and goes on is one that did not, to the byte; and what restoring builds is what the
// run had, task by task with its statistics.
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import t from "tap";
import type { ConfigInput } from "../../src/config/index.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { createTaskBuffers, type TaskBuffers } from "../../src/curriculum/task-buffers.ts";
import { createRandom } from "../../src/random.ts";
import { restoreTasks } from "../../src/run/restore.ts";
import { failingDisk } from "../../src/testing/index.ts";
import { lines, metricsText, resultFiles, resumeFake, trainFake } from "./support/fake-run.ts";

const kinds = ["deduction", "abduction", "induction"].map(kindNamed);
const base = { steps: 8, run: { checkpointEvery: 3, name: "run" } };
const small = { bufferCapacity: 12, references: 2 } as const;
const cases: [name: string, curriculum: ConfigInput["curriculum"]][] = [
  ["oldest", { ...small, replay: 6, replaySampling: "learnability" }],
  ["lowest-learnability", { ...small, eviction: "lowest-learnability", replay: 6, referenceSampling: "learnability", keep: "not-always-solved" }],
  ["reservoir", { ...small, eviction: "reservoir", rollouts: { reuse: false }, solverTasks: "learnability", referenceSampling: "recent" }],
  ["newest", { ...small, eviction: "newest", rollouts: { reuse: false }, solverTasks: "previous-step", deduplicate: false, keep: "not-extreme" }],
  ["lowest-learnability, written ahead", { ...small, eviction: "lowest-learnability", overlap: true, rollouts: { reuse: false }, solverTasks: "newest" }],
];

const shown = (buffers: TaskBuffers) =>
  kinds.map(({ name }) => {
    const buffer = buffers.of(name);
    const ids = Array.from({ length: buffer.size }, (_, at) => buffer.at(at).id);
    return { ids, statistics: ids.map((id) => buffer.statistics(id)), lineage: [...buffer.lineage()] };
  });

t.test("runs with small buffers resume to the byte", async (t) => {
  t.testdir({});
  const texts = new Set<string>();
  const random = createRandom(5, "points");
  for (const [name, curriculum] of cases) {
    const config: ConfigInput = { ...base, curriculum, ...(curriculum?.overlap ? { update: { importanceCap: 2 } } : {}) };
    const whole = trainFake(join(t.testdirName, name), config);
    await whole.result;
    const expected = await resultFiles(whole.dir!);
    texts.add(await metricsText(whole.dir!));
    const metrics = await lines<Record<string, number>>(join(whole.dir!, "metrics.jsonl"));
    t.ok(kinds.every((kind) => metrics.at(-1)![`buffer/${kind.name}/size`] === small.bufferCapacity), `${name}: the buffers are full`);
    for (let round = 0; round < 3; round++) {
      const parent = join(t.testdirName, `${name} ${round}`);
      const dead = (most: number) => failingDisk({ bytes: 60_000 + random.integer(most), as: "dead" });
      await trainFake(parent, config, { disk: dead(300_000) }).result.catch(() => undefined);
      await resumeFake(join(parent, "run"), { disk: dead(200_000) }).result.catch(() => undefined);
      await resumeFake(join(parent, "run")).result;
      t.same(await resultFiles(join(parent, "run")), expected, `${name}, round ${round}`);
    }
    const [one, other] = [1, 2].map(() => createTaskBuffers(kinds, small.bufferCapacity, { eviction: curriculum!.eviction ?? "oldest", seed: 0 }));
    const added = (await lines(join(whole.dir!, "tasks.jsonl"))).length;
    await restoreTasks(whole.dir!, one!, added);
    await restoreTasks(whole.dir!, other!, added);
    t.same(shown(one!), shown(other!));
    t.same(shown(one!).map(({ ids }) => ids.length), [12, 12, 12]);
    t.ok(shown(one!)[0]!.statistics.some((statistics) => statistics!.attempts > 0));
  }
  t.equal(texts.size, cases.length, "each rule makes another run");
});

t.test("restored statistics are what the files say, added up by hand", async (t) => {
  const run = trainFake(t.testdir({}), { steps: 10, curriculum: { replay: 12, bufferCapacity: 30 } });
  const { dir } = await run.result;
  const buffers = createTaskBuffers(kinds, 30);
  const tasks = await lines<{ id: string }>(join(dir, "tasks.jsonl"));
  await restoreTasks(dir, buffers, tasks.length);
  const attempts = await lines<{ step: number; answers: [string, number, number][] }>(join(dir, "attempts.jsonl"));
  let replayed = 0;
  for (const { ids, statistics } of shown(buffers)) {
    for (const [at, id] of ids.entries()) {
      const own = attempts.flatMap(({ step, answers }) => answers.filter(([task]) => task === id).map(([, count, right]) => ({ step, count, right })));
      const expected = own.reduce(({ recent, ...sum }, { step, count, right }) => ({
        attempts: sum.attempts + count, right: sum.right + right, answered: step as number | null,
        recent: { attempts: recent.attempts / 2 + count, right: recent.right / 2 + right },
      }), { attempts: 0, right: 0, answered: null as number | null, recent: { attempts: 0, right: 0 } });
      t.same(statistics[at], expected, id);
      if (own.length > 1) replayed += 1;
    }
  }
  t.ok(replayed > 10, `${replayed} tasks were answered in several steps`);
});

t.test("a run of a version without attempts.jsonl goes on", async (t) => {
  const { dir } = await trainFake(t.testdir({}), { steps: 3, run: { name: "run" } }).result;
  const path = join(dir, "checkpoints", "step-000003", "state.json");
  const body = JSON.parse(await readFile(path, "utf8")).body as { offsets: Record<string, number> };
  delete body.offsets["attempts"];
  const text = JSON.stringify(body);
  await writeFile(path, `{"crc32":${crc32(text)},"body":${text}}\n`);
  await rm(join(dir, "attempts.jsonl"));
  t.match(await resumeFake(dir, { change: { steps: 5 } }).result, { status: "finished", step: 5 });
  t.same((await lines<{ step: number }>(join(dir, "attempts.jsonl"))).map(({ step }) => step), [4, 5], "what came before is not known");
});
