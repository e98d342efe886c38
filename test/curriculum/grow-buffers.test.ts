// What enters the buffers at the end of a step: which tasks `curriculum.keep` lets in, what becomes of the others, and what is counted of the answers.
import { join } from "node:path";
import t from "tap";
import { isKept } from "../../src/curriculum/grow-buffers.ts";
import { lines, rollouts } from "../run/support/fake-run.ts";
import { plus, proposers, scripted, solvers } from "./support/scripted-step.ts";

t.test("who enters", async (t) => {
  const table: [rate: number | null | undefined, all: boolean, notAlwaysSolved: boolean, notExtreme: boolean][] = [
    [0, true, true, false],
    [0.125, true, true, true],
    [0.5, true, true, true],
    [0.875, true, true, true],
    [1, true, false, false],
    // The executor could judge none of its answers, or they were taken back.
    [null, true, true, true],
    [undefined, true, true, true],
  ];
  for (const [rate, ...expected] of table) {
    t.same((["all", "not-always-solved", "not-extreme"] as const).map((keep) => isKept(keep, rate)), expected, `solve rate ${rate}`);
  }
});

t.test("a task that is not kept is rewarded, trained on and known", async (t) => {
  t.testdir({});
  // Solved by all, by half, by none.
  const answer = (prompt: string, sample: number) => {
    if (prompt.includes("a + 10")) return "11";
    return prompt.includes("a + 20") && sample === 0 ? "21" : "nothing";
  };
  for (const [keep, kept] of [["all", 3], ["not-always-solved", 2], ["not-extreme", 1]] as const) {
    const { run } = await scripted(t, { proposals: [plus(10), plus(20), plus(30), plus(10), plus(20), plus(30)], answer, steps: 2, config: { curriculum: { proposals: 3, rollouts: { n: 2 }, keep } } });
    const [first, second] = [await rollouts(run.dir!, 1), await rollouts(run.dir!, 2)];
    t.same(proposers(first).map(({ outcome, reward, solveRate }) => [outcome, reward, solveRate]), [["accepted", 0, 1], ["accepted", 0.5, 0.5], ["accepted", 0, 0]], keep);
    t.equal(solvers(first).filter(({ trained }) => trained).length, 6, "all are trained on");
    t.same(proposers(second).map(({ outcome }) => outcome), ["duplicate", "duplicate", "duplicate"], "and known");
    const metrics = await lines<Record<string, number>>(join(run.dir!, "metrics.jsonl"));
    t.same(metrics.map((line) => line["buffer/deduction/size"]), [1 + kept, 1 + kept]);
    t.same(metrics.map((line) => line["buffer/deduction/kept"]), [keep === "all" ? undefined : kept / 3, undefined], "told where not all are let in");
    const programs = await lines<{ task: string; kept?: false }>(join(run.dir!, "programs.jsonl"));
    t.equal(programs.filter((line) => line.kept === false).length, 3 - kept);
    t.equal((await lines(join(run.dir!, "tasks.jsonl"))).length, 4, "tasks.jsonl has every accepted task");
  }
});

t.test("what attempts.jsonl tells", async (t) => {
  t.testdir({});
  const answer = (prompt: string, sample: number) => (prompt.includes("a + 20") && sample < 2 ? "21" : "nothing");
  const proposals = [plus(10), plus(20), plus(30), plus(40)];
  const reused = await scripted(t, { proposals, answer, steps: 2, config: { curriculum: { proposals: 2, rollouts: { n: 4 }, replay: 8 } } });
  type Line = { step: number; tasks: number; answers: [string, number, number][] };
  t.same(await lines<Line>(join(reused.run.dir!, "attempts.jsonl")), [
    { step: 1, tasks: 1, answers: [["t-1-d-0", 4, 0], ["t-1-d-1", 4, 2], ["t-0-d-0", 4, 0]] },
    { step: 2, tasks: 3, answers: [["t-2-d-0", 4, 0], ["t-2-d-1", 4, 0], ...(await lines<Line>(join(reused.run.dir!, "attempts.jsonl")))[1]!.answers.slice(2)] },
  ], "new tasks by their rollouts, then those that were replayed");
  t.same((await lines<Line>(join(reused.run.dir!, "attempts.jsonl")))[1]!.answers.slice(2).sort(), [["t-0-d-0", 4, 0], ["t-1-d-0", 4, 0], ["t-1-d-1", 4, 2]]);
  const apart = await scripted(t, { proposals: proposals.slice(0, 2), answer, config: { curriculum: { proposals: 2, rollouts: { n: 4, reuse: false } } } });
  t.same((await lines<Line>(join(apart.run.dir!, "attempts.jsonl")))[0]!.answers.sort(), [["t-1-d-0", 5, 0], ["t-1-d-1", 5, 3]], "the rollouts, and the answer that is trained on");
});
