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
