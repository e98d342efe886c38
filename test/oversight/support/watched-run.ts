// Runs of a scripted model that goes wrong from one step on, and what oversight left of them.
import { join } from "node:path";
import type { ConfigInput } from "../../../src/config/index.ts";
import type { AuditLine } from "../../../src/oversight/audit-chain.ts";
import type { OversightFinding, RunEvent } from "../../../src/events.ts";
import { fakeEngine, type FakeEngineOptions, fakeExecutor, type FakeExecutorOptions, fakeTokenizer } from "../../../src/testing/index.ts";
import type { TrainOptions } from "../../../src/train.ts";
import { lines, trainFake } from "../../run/support/fake-run.ts";

export interface Watched {
  config?: ConfigInput;
  /** What the model writes in a step, in place of its rules. */
  answer?: (step: number, prompt: string, sample: number) => string | undefined;
  executor?: FakeExecutorOptions;
  options?: TrainOptions;
}

/** The parts of a run whose model is told which step it is in: equal in every sitting. */
export function parts({ answer, executor }: Pick<Watched, "answer" | "executor">) {
  const at = { step: 0 };
  const options: FakeEngineOptions = answer === undefined ? {} : { answer: (prompt, sample) => answer(at.step, prompt, sample) };
  const onEvent = ({ type, step }: RunEvent) => void (type === "step-start" && (at.step = step));
  return { engine: fakeEngine(options), executor: fakeExecutor(executor ?? {}), tokenizer: fakeTokenizer(), onEvent };
}

/** Trains to the end, whatever that is. */
export async function watch(dir: string, { config = {}, options = {}, ...script }: Watched) {
  const run = trainFake(dir, { steps: 6, ...config, run: { checkpointEvery: 2, name: "run", ...config.run } }, { ...parts(script), ...options });
  const events: RunEvent[] = [];
  const gathering = (async () => {
    for await (const event of run) events.push(event);
  })().catch(() => undefined);
  const error = await run.result.then(() => undefined, (failure: unknown) => failure);
  await gathering;
  return { run, events, error, result: error === undefined ? await run.result : undefined };
}

export const findings = (events: readonly RunEvent[]): (OversightFinding & { step: number })[] => events.filter((event): event is OversightFinding & { time: string; step: number } => event.type === "oversight-finding");
export const audit = (dir: string) => lines<AuditLine>(join(dir, "audit.jsonl"));

