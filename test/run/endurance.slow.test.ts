// Two thousand steps of whole runs with the fake engine, the buffers at their cap: memory after a collection of garbage and processor time a step stay the same.
// (../curriculum/buffers-endurance.test.ts: the buffers alone, in counts; `npm run soak -- --train`: the real engine.)
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import t from "tap";
import type { ConfigInput } from "../../src/config/index.ts";
import { fakes, lines, trainFake } from "./support/fake-run.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const steps = Number(process.env["AZR_ENDURANCE_STEPS"] ?? 2000);
const capacity = 64;
/** Growth of memory that passes: what remembering the keys of 1,500 steps takes (16 bytes a key, doubled when half full), and noise. */
const slackBytes = 6 << 20;

const cases: [name: string, curriculum: ConfigInput["curriculum"]][] = [
  ["oldest", { replay: 4 }],
  ["lowest-learnability", { replay: 4, replaySampling: "learnability", referenceSampling: "learnability", eviction: "lowest-learnability", keep: "not-always-solved" }],
  ["reservoir", { rollouts: { reuse: false }, solverTasks: "learnability", referenceSampling: "recent", eviction: "reservoir" }],
];

for (const [name, curriculum] of cases) {
  t.test(name, async (t) => {
    const parts = fakes();
    const samples: { step: number; bytes: number; microseconds: number }[] = [];
    let before = process.cpuUsage();
    const run = trainFake(t.testdir({}), {
      steps,
      // Duplicates are allowed, since the fake model has not so many programs: as many come in the last steps as in the first.
      curriculum: { ...curriculum, bufferCapacity: capacity, deduplicate: false },
      run: { checkpointEvery: 100, recordRollouts: false, name },
    }, {
      ...parts,
      onEvent({ type, step }) {
        if (type !== "step-end") return;
        const { user, system } = process.cpuUsage(before);
        // The fakes keep every call, for tests that look at them.
        parts.engine.calls.length = 0;
        (parts.executor.calls as unknown[]).length = 0;
        let bytes = 0;
        if (step % 100 === 0) {
          collectGarbage();
          const { heapUsed, arrayBuffers } = process.memoryUsage();
          bytes = heapUsed + arrayBuffers;
        }
        samples.push({ step, bytes, microseconds: user + system });
        before = process.cpuUsage();
      },
    });
    await run.result;
    const metrics = await lines<Record<string, number>>(join(run.dir!, "metrics.jsonl"));
    const quarter = steps / 4;
    t.ok(metrics.slice(quarter).every((line) => ["deduction", "abduction", "induction"].every((kind) => line[`buffer/${kind}/size`] === capacity)), "the buffers are full after a quarter of the steps");
    const median = (from: number, to: number) => samples.slice(from, to).map(({ microseconds }) => microseconds).sort((a, b) => a - b)[Math.floor((to - from) / 2)]!;
    const [early, late] = [median(quarter, 2 * quarter), median(3 * quarter, steps)];
    // Two thirds of the steps come after the first window: what grew with them would have doubled at least. Other work on the machine is worth a fifth.
    t.ok(late <= 1.5 * early, `processor time: ${early} us a step in the second quarter, ${late} us in the last`);
    const bytes = samples.filter((sample) => sample.bytes > 0 && sample.step >= quarter);
    const growth = bytes.at(-1)!.bytes - bytes[0]!.bytes;
    t.ok(growth <= slackBytes, `memory: ${(bytes[0]!.bytes / 2 ** 20).toFixed(1)} MiB after step ${bytes[0]!.step}, ${(bytes.at(-1)!.bytes / 2 ** 20).toFixed(1)} MiB after step ${steps}`);
    t.comment(bytes.map((sample) => `${sample.step}: ${(sample.bytes / 2 ** 20).toFixed(2)}`).join(", "));
  });
}
