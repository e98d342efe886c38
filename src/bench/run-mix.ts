// Runs the mix of ordinary programs on an executor and tells the rate. Used by bench-executor.ts and by its part on one core.
import type { Executor } from "../executor/executor.ts";
import { ordinaryPrograms } from "./ordinary-programs.ts";

/** Passes before anything is measured: by then both sides have compiled what they use, as they have in a run that lasts. */
export const warmUpPasses = 16;

/** Runs the mix `passes` times with so many requests in flight; runs a second. */
export async function runMix(executor: Executor, inFlight: number, passes: number, signal?: AbortSignal): Promise<number> {
  const total = ordinaryPrograms.length * passes;
  let next = 0;
  const began = performance.now();
  const worker = async (): Promise<void> => {
    for (let at = next++; at < total; at = next++) {
      const { program, input } = ordinaryPrograms[at % ordinaryPrograms.length]!;
      await executor.run({ program, inputs: [input], signal });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (1000 * total) / (performance.now() - began);
}
