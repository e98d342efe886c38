// The solver's half of a step: an answer that several rollouts of a task share is judged once.
import t from "tap";
import { fakeExecutor } from "../../src/testing/index.ts";
import { plus, scripted, solvers } from "./support/scripted-step.ts";

t.test("an answer that a task got before is not judged again", async (t) => {
  t.testdir({});
  const executor = fakeExecutor();
  // Eight rollouts each of two equal-looking tasks: five distinct answers, of which one is the task's own input.
  const { records } = await scripted(t, {
    executor,
    proposals: [plus(10), plus(20)],
    answer: (_, sample) => ["1", "2", "2 ", "3", "3", "2", "x", "3"][sample]!,
    config: { kinds: ["abduction"], curriculum: { rollouts: { n: 8 } } },
  });
  const judged = executor.calls.flatMap((call) => (call.method === "run" && call.request.determinism === "pair" ? [`${call.request.program.slice(-2)}: ${call.request.inputs}`] : []));
  t.same(judged.sort(), ["10: 2", "10: 3", "10: x", "20: 2", "20: 3", "20: x"]);
  const outcomes = solvers(records).map(({ outcome, answer }) => [answer, outcome]);
  t.same(outcomes.slice(0, 8), ["1", "2", "2", "3", "3", "2", "x", "3"].map((answer) => [answer, answer === "1" ? "correct" : "wrong"]));
  t.same(outcomes.slice(8), outcomes.slice(0, 8), "every rollout has its verdict, in its place");
});
