// The real engine, the real executor and the bundled model: a run of 12 steps that is killed by SIGKILL while it samples, verifies, trains,
// saves and points to what it saved ends, once resumed, with the bytes of one that nothing happened to. (resume.test.ts does this at many
// more points, with fakes; resume-kills.slow.test.ts with 60 steps and 10 kills.) Its children come from
// node:child_process.
import t from "tap";
import { killAndCompare, killsSkipped, planKills } from "./support/kills.ts";

const steps = 12;
const plan = planKills({ steps, kills: 5, seed: 1 });

t.test("SIGKILL at every sort of moment, then resume: the same bytes", { skip: killsSkipped, timeout: 280_000 }, async (t) => {
  t.same(plan.map(({ point }) => point).sort(), ["generate", "pointer", "save", "update", "verify"]);
  await killAndCompare(t, { steps, plan });
});

t.test("and of steps that overlap", { skip: killsSkipped, timeout: 280_000 }, async (t) => {
  await killAndCompare(t, { steps, plan, config: { curriculum: { overlap: true } } });
});
