// Tasks that the solver answers for training alone: past tasks replayed, and answers of their own instead of the rollouts.
import t from "tap";
import { rollouts } from "../run/support/fake-run.ts";
import { plus, prompts, proposers, scripted, solvers } from "./support/scripted-step.ts";

t.test("past tasks are replayed: answered and trained beside the new ones, worth nothing to their proposers", async (t) => {
  t.testdir({});
  const answer = (prompt: string, sample: number) => (sample === 0 ? (prompt.includes("a + 20") ? "21" : "11") : "12");
  const { run, updates } = await scripted(t, { proposals: [plus(10), plus(20)], answer, steps: 2, config: { curriculum: { proposals: 1, replay: 4 } } });
  const [first, second] = [await rollouts(run.dir!, 1), await rollouts(run.dir!, 2)];
  // Step 1 has the seed task to replay, step 2 also what step 1 made.
  t.same(solvers(first).map(({ task }) => task), ["t-1-d-0", "t-1-d-0", "t-0-d-0", "t-0-d-0"]);
  t.same(solvers(second).map(({ task }) => task).sort(), ["t-0-d-0", "t-0-d-0", "t-1-d-0", "t-1-d-0", "t-2-d-0", "t-2-d-0"]);
  t.same(proposers(second).map(({ task, solveRate }) => [task, solveRate]), [["t-2-d-0", 0.5]], "a proposal's solve rate is that of its own task");
  t.equal(prompts(updates[1]!).filter((text) => text.startsWith("<|deduce|>")).length, 3, "all three are trained");
});

t.test("which tasks the solver is trained on", async (t) => {
  t.testdir({});
  // Two new tasks a step: one that half of the answers solve, one that none does. The seed is solved by all; step 2 has 5 tasks of the steps before and of its own.
  const answer = (prompt: string, sample: number) => {
    const added = Number(/a \+ (\d+)/.exec(prompt)?.[1] ?? 0);
    if (added === 0) return "[1, 2, 3]";
    return added % 20 === 0 && sample % 2 === 0 ? String(added + 1) : "nothing";
  };
  const chosen = async (solverTasks: "this-step" | "previous-step" | "newest" | "uniform" | "learnability", seed: number) => {
    const { run } = await scripted(t, {
      proposals: [plus(10), plus(20), plus(30), plus(40)],
      answer,
      steps: 2,
      config: { seed, curriculum: { proposals: 2, rollouts: { n: 8, reuse: false }, solverTasks } },
    });
    return solvers(await rollouts(run.dir!, 2)).filter(({ trained }) => trained).map(({ task }) => task!);
  };
  t.same((await chosen("this-step", 0)).sort(), ["t-2-d-0", "t-2-d-1"]);
  t.same((await chosen("previous-step", 0)).sort(), ["t-1-d-0", "t-1-d-1"]);
  t.same(await chosen("newest", 0), ["t-2-d-1", "t-2-d-0"], "newest first");
  const counts = { uniform: new Map<string, number>(), learnability: new Map<string, number>() };
  for (const solverTasks of ["uniform", "learnability"] as const) {
    for (let seed = 0; seed < 40; seed++) {
      const tasks = await chosen(solverTasks, seed);
      t.ok(tasks.length === 2 && tasks[0] !== tasks[1]);
      for (const id of tasks) counts[solverTasks].set(id, (counts[solverTasks].get(id) ?? 0) + 1);
    }
  }
  const all = ["t-0-d-0", "t-1-d-0", "t-1-d-1", "t-2-d-0", "t-2-d-1"];
  for (const map of Object.values(counts)) t.same([...map.keys()].sort(), all, "any of them, old and new");
  const half = (map: Map<string, number>) => (map.get("t-1-d-1")! + map.get("t-2-d-1")!) / 80;
  // Two of five; by learnability 2 x 25 of 2 x 25 + 2 x 9 + 18.3 (never answered), once for each of two draws without replacement.
  t.ok(half(counts.uniform) > 0.28 && half(counts.uniform) < 0.52, `uniform: ${half(counts.uniform)}`);
  t.ok(half(counts.learnability) > 0.46 && half(counts.learnability) < 0.7, `learnability: ${half(counts.learnability)}`);
});

t.test("replay by learnability comes back to what is half learned", async (t) => {
  t.testdir({});
  const answer = (prompt: string, sample: number) => (prompt.includes("a + 20") && sample % 2 === 0 ? "21" : "nothing");
  const replayed = { uniform: 0, learnability: 0 };
  for (const replaySampling of ["uniform", "learnability"] as const) {
    for (let seed = 0; seed < 40; seed++) {
      const { run } = await scripted(t, { proposals: [plus(10), plus(20), "x", "x"], answer, steps: 2, config: { seed, curriculum: { proposals: 2, rollouts: { n: 8 }, replay: 1, replaySampling } } });
      const [first] = solvers(await rollouts(run.dir!, 2));
      if (first!.task === "t-1-d-1") replayed[replaySampling] += 1;
    }
  }
  // A third; 25 of 25 + 9 + 9, or 25 + 9 + 18.3 where the seed was not replayed in step 1.
  t.ok(replayed.uniform >= 5 && replayed.uniform <= 22, `uniform ${replayed.uniform} of 40`);
  t.ok(replayed.learnability >= 16 && replayed.learnability <= 31, `learnability ${replayed.learnability} of 40`);
});

t.test("without rollouts.reuse the solver is trained on answers of their own", async (t) => {
  t.testdir({});
  for (const [solverTasks, expected] of [["this-step", ["t-1-d-0", "t-1-d-1"]], ["previous-step", ["t-0-d-0"]]] as const) {
    const { records, metrics, updates } = await scripted(t, {
      proposals: [plus(10), plus(20)],
      answer: (prompt, sample) => (prompt.includes("a + 10") && sample === 0 ? "11" : "5"),
      config: { curriculum: { rollouts: { n: 4, reuse: false }, solverTasks } },
    });
    t.same(solvers(records).filter(({ trained }) => trained).map(({ task }) => task).sort(), [...expected], `${solverTasks}: one answer a task`);
    t.same(solvers(records).filter(({ id }) => id!.startsWith("rollouts-")).map(({ trained, reward }) => [trained, reward]), Array(8).fill([false, null]), "the others are recorded, and worth nothing");
    t.equal(metrics["solve/deduction/completions"], expected.length);
    t.equal(metrics["propose/deduction/solveRate"], 0.125, "difficulty is still measured on n rollouts");
    t.notOk(updates.some((update) => update.completions.lengths.length > 4), "the rollouts are not in the update");
  }
});
