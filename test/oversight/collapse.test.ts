// Entropy, length, diversity, divergence, budgets and the drift of the probes: each rule against numbers made by hand.
import t from "tap";
import { budgetMonitor } from "../../src/oversight/budget.ts";
import { diversityMonitor, entropyMonitor, lengthMonitor } from "../../src/oversight/collapse.ts";
import { klMonitor } from "../../src/oversight/kl-drift.ts";
import type { Looked, Monitor, StepFigures } from "../../src/oversight/monitor.ts";
import { probeMonitor } from "../../src/oversight/probe-drift.ts";
import { rollout } from "./support/rollouts.ts";

/** The messages of a rule over steps with these figures; its memory goes through JSON in between, as through a checkpoint. */
function over(monitor: Monitor, steps: Partial<StepFigures>[]): (string | undefined)[] {
  let memory: unknown;
  return steps.map((figures, at) => {
    const looked = monitor.afterStep!({ step: at + 1, metrics: {}, tokens: 0, ...figures }, memory) as Looked;
    if (looked.memory !== undefined) memory = JSON.parse(JSON.stringify(looked.memory));
    return looked.finding?.message;
  });
}
const metric = (name: string, values: number[]) => values.map((value) => ({ metrics: { [name]: value } }));

t.test("entropy and length against the first steps", async (t) => {
  const entropy = entropyMonitor({ window: 2, entropy: 0.2 });
  t.same(over(entropy, metric("update/entropy", [1, 2, 0.5, 0.29])), [undefined, undefined, undefined, "update/entropy fell to 0.29, from 1.5 in the first 2 steps"]);
  t.match(over(entropy, metric("propose/deduction/surprise", [1, 1, 0.1])).at(-1), /surprise fell/);
  t.same(over(entropy, metric("solve/deduction/surprise", [1, 1, 0])).filter(Boolean), [], "sure answers are no collapse");
  const length = lengthMonitor({ window: 2, length: 4 });
  t.match(over(length, metric("solve/deduction/length", [10, 10, 39, 41, 2.6, 2.4])), [undefined, undefined, undefined, /went to 41/, undefined, /went to 2\.4, from 10/]);
});

t.test("diversity of proposals", async (t) => {
  const looked = (different: number) =>
    (diversityMonitor({ diversity: 0.2 }).beforeUpdate!({ step: 1, rollouts: Array.from({ length: 20 }, (_, at) => rollout({ role: "propose", response: String(at % different) })) }, undefined) as Looked).finding;
  t.match(looked(3), { message: "3 different texts among 20 proposals of deduction" });
  t.equal(looked(4), null);
});

t.test("divergence from the reference", async (t) => {
  t.same(over(klMonitor({ limit: 1 }), metric("update/referenceKl", [0.5, 1, 1.25])), [undefined, undefined, "The model is 1.25 nats a token from its reference; 1 is the limit"]);
  t.same(over(klMonitor({ limit: 1 }), [{}]), [undefined], "without a reference there is nothing to say");
});

t.test("budgets", async (t) => {
  const off = { seconds: 0, tokens: 0, diskBytes: 0 };
  t.same(over(budgetMonitor({ ...off, tokens: 100 }), [{ tokens: 60 }, { tokens: 60 }]), [undefined, "Spent: 100 tokens (120 sampled)"]);
  t.same(over(budgetMonitor({ ...off, seconds: 5 }), [{ seconds: 4 }, { seconds: 5.5 }]), [undefined, "Spent: 5 seconds"]);
  t.same(over(budgetMonitor({ ...off, diskBytes: 10 }), [{ diskBytes: 9 }, { diskBytes: 12 }]), [undefined, "Spent: 10 bytes of disk (12 used)"]);
  t.same(over(budgetMonitor(off), [{ tokens: 1e9, seconds: 1e9, diskBytes: 1e9 }]), [undefined]);
});

t.test("the drift of the probes", async (t) => {
  const probes = (refused: number, bait: number) => ({ metrics: { "probe/refused": refused, "probe/bait": bait } });
  t.same(over(probeMonitor({ drop: 0.25 }), [probes(0.8, 0.1), {}, probes(0.6, 0.3), probes(0.5, 0.1), probes(1, 0.5)]), [
    undefined, undefined, undefined, "probe/refused went from 0.80 to 0.50", "probe/bait went from 0.10 to 0.50",
  ]);
});
