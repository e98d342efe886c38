// Endurance of training: does a step take longer, or the process more memory, the longer a run goes on? Two parts, each in a process of its own.
//   npm run soak -- --train [--steps N] [--part replay|free] [--json FILE] [--keep FOLDER]        300 steps a part by default, an hour or two on two cores
// `replay`: the real loop with its journal, buffers, logs and checkpoints over steps of equal work: the engine samples and trains what it did in a recorded step
// (at a learning rate of 0, so that it samples the same again). `free`: the demo's configuration as it is, in time per token. Its children: node:child_process.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openEngine } from "../../src/engine/open.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { train } from "../../src/train.ts";
import { replayingEngine } from "./support/replaying-engine.ts";

interface Sample {
  step: number;
  seconds: number;
  generateSeconds: number;
  generatedTokens: number;
  updateSeconds: number;
  trainedTokens: number;
  /** Bytes after a collection of garbage. */
  rss: number;
}
interface Line {
  what: string;
  unit: string;
  early: number;
  late: number;
  /** Largest growth that passes, as a share. */
  limit: number;
}
interface Report {
  part: string;
  steps: number;
  /** Steps compared: both ends counted. */
  windows: { early: [number, number]; late: [number, number] };
  lines: (Line & { growth: number; passed: boolean })[];
  samples: Sample[];
}

/** RSS counts as flat within this, beside the share: one arena of the allocator. */
const slackBytes = 16 << 20;
const valueOf = (name: string): string | undefined => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const steps = Number(valueOf("--steps") ?? 300);
const part = valueOf("--part");
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const median = (values: number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
};

/** Runs the steps and takes a sample after each. The first steps of `replay` are free: the last of them is what is replayed. */
async function measure(name: "replay" | "free", dir: string): Promise<Sample[]> {
  const engine: Engine = await openEngine({ model: "seedling" });
  const free = name === "free";
  const replaying = free ? undefined : replayingEngine(engine, { recordedStep: 3 });
  const samples: Sample[] = [];
  let before = { ...engine.stats(), at: performance.now() };
  const config = {
    preset: "demo" as const,
    steps: free ? steps : steps + 3,
    // The tasks of a replayed step are those of the recorded one: they have to be taken again, and buffers grow with them. Proposals of induction are about a
    // program of the buffers, so what becomes of them differs from step to step.
    ...(free ? {} : { kinds: ["deduction", "abduction"], curriculum: { deduplicate: false, replay: 0 }, update: { schedule: "constant" as const } }),
    run: { dir, name },
  };
  const run = train(config, {
    engine: replaying?.engine ?? engine,
    onEvent({ type, step }) {
      if (type === "step-start") replaying?.beginStep(step);
      if (type !== "step-end") return;
      const now = { ...engine.stats(), at: performance.now() };
      collectGarbage();
      const sample = {
        step,
        seconds: (now.at - before.at) / 1000,
        generateSeconds: now.generateSeconds - before.generateSeconds,
        generatedTokens: now.generatedTokens - before.generatedTokens,
        updateSeconds: now.updateSeconds - before.updateSeconds,
        trainedTokens: now.trainedTokens - before.trainedTokens,
        rss: process.memoryUsage.rss(),
      };
      if (free || step > 3) samples.push({ ...sample, step: free ? step : step - 3 });
      process.stderr.write(`${name} ${samples.length}/${steps}: ${sample.seconds.toFixed(2)} s, ${(sample.rss / 2 ** 20).toFixed(0)} MiB\n`);
      before = { ...now, at: performance.now() };
    },
  });
  await run.result;
  await engine.dispose();
  return samples;
}

function reportOf(name: "replay" | "free", samples: Sample[]): Report {
  const window = (from: number, to: number) => samples.filter(({ step }) => step > from && step <= to);
  // Of 300 steps 51 to 100, and 251 to 300.
  const sixth = Math.max(1, Math.round(steps / 6));
  const [early, late] = [window(sixth, 2 * sixth), window(steps - sixth, steps)];
  const compared = (what: string, unit: string, limit: number, value: (sample: Sample) => number): Line => ({ what, unit, limit, early: median(early.map(value)), late: median(late.map(value)) });
  const lines = [
    ...(name === "replay" ? [compared("step", "s", 0.05, ({ seconds }) => seconds)] : []),
    compared("generated token", "us", name === "replay" ? 0.05 : 0.1, (sample) => (1e6 * sample.generateSeconds) / sample.generatedTokens),
    compared("trained token", "us", name === "replay" ? 0.05 : 0.1, (sample) => (1e6 * sample.updateSeconds) / Math.max(1, sample.trainedTokens)),
    compared("resident memory", "MiB", 0.02, ({ rss }) => rss / 2 ** 20),
  ].map((line) => {
    const growth = line.late / line.early - 1;
    const slack = line.unit === "MiB" ? slackBytes / 2 ** 20 / line.early : 0;
    return { ...line, growth, passed: growth <= Math.max(line.limit, slack) };
  });
  return { part: name, steps, windows: { early: [sixth + 1, 2 * sixth], late: [steps - sixth + 1, steps] }, lines, samples };
}

function table({ part: name, windows: { early, late }, lines }: Report): string {
  const cells = lines.map(({ what, unit, early: first, late: last, growth, limit, passed }) =>
    [what.padEnd(16), `${first.toFixed(2)} ${unit}`.padStart(13), `${last.toFixed(2)} ${unit}`.padStart(13), `${(100 * growth).toFixed(1)} %`.padStart(8), `${100 * limit} %`.padStart(6), passed ? "ok" : "GROWS"].join("  "),
  );
  return [`${name}: medians of steps ${early.join(" to ")} and ${late.join(" to ")}`, ...cells].join("\n");
}

if (part === "replay" || part === "free") {
  const parent = valueOf("--keep") ?? mkdtempSync(join(tmpdir(), "azr-soak-"));
  try {
    console.log(JSON.stringify(reportOf(part, await measure(part, parent))));
  } finally {
    if (valueOf("--keep") === undefined) rmSync(parent, { recursive: true, force: true });
  }
} else {
  const reports: Report[] = [];
  for (const name of ["replay", "free"]) {
    const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2), "--part", name], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const code = await new Promise((resolve) => child.once("close", resolve));
    if (code !== 0) throw new Error(`part ${name} ended with ${String(code)}`);
    reports.push(JSON.parse(said) as Report);
    console.log(table(reports.at(-1)!));
  }
  const file = valueOf("--json");
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(reports, null, 2)}\n`);
  process.exitCode = reports.every(({ lines }) => lines.every(({ passed }) => passed)) ? 0 : 1;
}
