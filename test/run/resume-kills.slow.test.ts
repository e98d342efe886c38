// A run of 60 steps killed by SIGKILL at 10 moments drawn from a seed, half of them named (sampling, verifying, training, saving, pointing), half of
// them by the clock, and resumed each time: byte for byte the unbroken run. Once with steps that follow one another, once with steps that overlap.
// AZR_KILLS_SEED chooses other moments. Its children come from node:child_process.
import t from "tap";
import { killAndCompare, killsSkipped, planKills } from "./support/kills.ts";

const steps = 60;
const seed = Number(process.env["AZR_KILLS_SEED"] ?? 0);

for (const overlap of [false, true]) {
  t.test(`60 steps, 10 kills, the same bytes${overlap ? ", with overlap" : ""}`, { skip: killsSkipped, timeout: 440_000 }, async (t) => {
    await killAndCompare(t, { steps, plan: planKills({ steps, kills: 10, seed: seed + Number(overlap), clock: 300 }), config: { curriculum: { overlap } } });
  });
}
