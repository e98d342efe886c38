// docs/metrics.md against the code: runs of many settings write the names of its table, all of them, and no others.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { ConfigInput } from "../../src/config/index.ts";
import { sft } from "../../src/sft.ts";
import { fakeEngine, fakeExecutor } from "../../src/testing/index.ts";
import { lines, trainFake } from "../run/support/fake-run.ts";

const page = await readFile(fileURLToPath(new URL("../../docs/metrics.md", import.meta.url)), "utf8");
const [metricsPart, timingsPart] = page.split("\n## Timings\n") as [string, string];
const named = (text: string): string[] => [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name!);

/** A name of a run as the table writes it. */
const general = (name: string): string => name.replace(/^probe\/canary\/.*/, "probe/canary/KIND").replace(/^(propose|solve|curated|program|buffer)\/[a-z-]+\/(?=.)/, "$1/KIND/").replace(/\/rejected\/.*/, "/rejected/REASON");

t.test("every metric of a run is in the table, and every row is written by one", async (t) => {
  const task = (n: number) => JSON.stringify({ id: `c${n}`, kind: "deduction", program: `def f(a):\n    return a + ${n}`, input: "1", output: String(1 + n) });
  const dir = t.testdir({
    "tasks.jsonl": `${[1, 2, 3].map(task).join("\n")}\n`,
    "rows.jsonl": `${[1, 2, 3, 4].map((n) => JSON.stringify({ prompt: `f(${n})`, response: String(n) })).join("\n")}\n`,
  });
  const all = { coefficient: 0.1, log: true };
  const runs: Record<string, ConfigInput> = {
    plain: { steps: 4, curriculum: { tasks: { files: [join(dir, "tasks.jsonl")], share: 0.5 }, dynamicSampling: 1, replay: 2 } },
    measured: { steps: 3, reward: { intrinsic: { complexity: all, editDistance: all, halstead: all, answerDiversity: all, inputDiversity: all, outputDiversity: all } } },
    reference: { update: { kl: { coefficient: 0.1 } }, steps: 1 },
    watched: { steps: 1, kinds: ["deduction"], oversight: { levels: { "code-in-answer": "quarantine" }, probes: { every: 1 } }, curriculum: { tasks: { files: [join(dir, "tasks.jsonl")], perStep: 3 } } },
    separate: { curriculum: { rollouts: { n: 4, reuse: false }, keep: "not-extreme" }, update: { minibatches: 2 }, steps: 1 },
  };
  const found = new Set<string>();
  const timings = new Set<string>();
  const look = async (folder: string) => {
    for (const line of await lines<object>(join(folder, "metrics.jsonl"))) for (const name of Object.keys(line)) if (name !== "step") found.add(general(name));
    for (const line of await lines<object>(join(folder, "timings.jsonl"))) for (const name of Object.keys(line)) if (name !== "step") timings.add(name);
  };
  for (const [name, config] of Object.entries(runs)) {
    const answer = (prompt: string) => (name === "watched" && prompt.startsWith("<|deduce") ? "eval('1')<|end|>" : undefined);
    const run = trainFake(dir, { ...config, run: { name } }, { engine: fakeEngine({ answer, parity: name !== "reference" }), executor: fakeExecutor(), ...(name === "reference" ? { reference: fakeEngine() } : {}) });
    await run.result;
    await look(run.dir!);
  }
  const supervised = sft({ model: "seedling", data: { files: [{ path: join(dir, "rows.jsonl") }] }, validation: { files: [{ path: join(dir, "rows.jsonl") }] }, steps: 1, run: { dir, name: "sft" } }, { engine: fakeEngine() });
  await supervised.result;
  await look(supervised.dir!);
  // Probes in prose, which the fakes do not write.
  const probes = await readFile(fileURLToPath(new URL("../../src/oversight/probes.ts", import.meta.url)), "utf8");
  for (const name of named(metricsPart)) if (name.startsWith("probe/") && probes.includes(`"${name}"`)) found.add(name);
  t.equal(new Set(named(metricsPart)).size, named(metricsPart).length, "each name once");
  t.same([...found].sort(), [...named(metricsPart)].sort(), "the table of docs/metrics.md: add a row for each new name, with the authors' beside it");
  t.same([...timings].sort(), [...named(timingsPart)].sort(), "and that of timings");
});
