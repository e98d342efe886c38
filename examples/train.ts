// Trains the bundled model for a few steps, watches it, and samples from the result. From a checkout, after `npm run build`:
//   npx jiti examples/train.ts
import { AzrError, defineConfig, openEngine, train } from "absolute-zero";

const config = defineConfig({ preset: "tiny-cpu", steps: 5, seed: 0, curriculum: { proposals: 16 } });

try {
  await using run = train(config, { signal: AbortSignal.timeout(600_000) });
  for await (const event of run) {
    if (event.type === "task-accepted") console.log(`new task:\n${event.task.program}\n`);
    if (event.type === "step-end") console.log(`step ${event.step}: ${event.timings.total.toFixed(1)} s`);
  }
  const { dir, status } = await run.result;
  console.log(`${status}: ${dir}`);

  // A run folder is a model like any other.
  await using engine = await openEngine({ model: dir });
  console.log(`${engine.stats().parameters} parameters on ${engine.stats().threads} threads`);
} catch (error) {
  if (!AzrError.isInstance(error)) throw error;
  console.error(`${error.code}: ${error.message}\n${error.hint ?? ""}`);
  process.exitCode = error.exitCode;
}
