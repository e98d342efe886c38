// Ordinary self-play raises nothing: every rule at its strictest against two whole steps of a recorded demo run, and against the numbers of all its steps.
// And what all rules together cost.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import t from "tap";
import { resolveConfig } from "../../src/config/index.ts";
import type { Task } from "../../src/curriculum/task.ts";
import type { Looked, WatchedRollout } from "../../src/oversight/monitor.ts";
import { oversightRules } from "../../src/oversight/rules.ts";
import { rollout } from "./support/rollouts.ts";

interface Recorded {
  steps: { step: number; rollouts: (Pick<WatchedRollout, "role" | "kind" | "index" | "response" | "outcome" | "detail" | "tokens"> & { task: string | null; answer?: string })[] }[];
  tasks: Record<string, Omit<Task, "id">>;
  metrics: Record<string, (number | null)[]>;
}
const recorded = JSON.parse(gunzipSync(readFileSync(new URL("./fixtures/ordinary-run.json.gz", import.meta.url))).toString("utf8")) as Recorded;
const { config } = resolveConfig({ preset: "demo" });
const rules = oversightRules({ settings: config.oversight });
const steps = recorded.steps.map(({ step, rollouts }) => ({
  step,
  rollouts: rollouts.map(({ task, ...fields }) => rollout({ ...fields, thought: fields.response, task: task === null ? undefined : { id: task, ...recorded.tasks[task]! } })),
}));

t.test("2,000 ordinary rollouts raise nothing that could be quarantined", async (t) => {
  const all = steps.flatMap(({ rollouts }) => rollouts);
  t.ok(all.length >= 2000, `${all.length} rollouts`);
  t.ok(all.filter(({ outcome }) => outcome === "wrong").length > 200 && all.filter(({ role }) => role === "propose").length > 200, "of all sorts");
  for (const { monitor } of rules) {
    for (const records of steps) {
      const looked = (await monitor.beforeUpdate?.(records, undefined)) as Looked | undefined;
      t.equal(looked?.finding ?? null, null, `${monitor.name}, step ${records.step}`);
    }
  }
});

t.test("the numbers of 450 ordinary steps raise nothing", async (t) => {
  const memory = new Map<string, unknown>();
  const found: string[] = [];
  const count = recorded.metrics["update/entropy"]!.length;
  for (let at = 0; at < count; at++) {
    const metrics: Record<string, number> = Object.fromEntries(Object.entries(recorded.metrics).flatMap(([name, values]) => (values[at] == null ? [] : [[name, values[at]!]])));
    for (const { monitor } of rules) {
      const looked = (await monitor.afterStep?.({ step: at + 1, metrics, tokens: 20_000 }, memory.get(monitor.name))) as Looked | undefined;
      if (looked?.memory !== undefined) memory.set(monitor.name, looked.memory);
      if (looked != null && looked.finding !== null) found.push(`step ${at + 1}: ${monitor.name}: ${looked.finding.message}`);
    }
  }
  t.equal(count, 450);
  t.same(found, []);
});

t.test("all rules together take a small part of a step", async (t) => {
  const look = async () => {
    const began = performance.now();
    for (const records of steps) for (const { monitor } of rules) await monitor.beforeUpdate?.(records, undefined);
    return (performance.now() - began) / steps.length;
  };
  const times: number[] = [];
  for (let round = 0; round < 15; round++) times.push(await look());
  const best = Math.min(...times);
  t.comment(`${best.toFixed(1)} ms for ${steps[0]!.rollouts.length} and ${steps[1]!.rollouts.length} completions, the best of ${times.length}`);
  // A step of the demo takes over a second. The bound is wide: machines that run tests do other things too.
  t.ok(best < 20, `${best.toFixed(1)} ms a step`);
});
