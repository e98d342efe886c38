// One task file, one model, perhaps a baseline: the library call behind `azr eval`.

import { basename } from "node:path";
import { openExecutor } from "../executor/open.ts";
import type { ExecutorOptions } from "../executor/open.ts";
import { accuracies } from "./accuracy.ts";
import type { Accuracy } from "./accuracy.ts";
import { compareOutcomes } from "./compare.ts";
import type { HeldOutComparison } from "./compare.ts";
import { evaluateModel } from "./evaluate-model.ts";
import type { EvaluateModelOptions } from "./evaluate-model.ts";
import type { TaskOutcome } from "./evaluate.ts";
import type { Evaluation } from "./outcome-file.ts";
import { readTaskFile } from "../curriculum/task-file.ts";

export interface EvaluateSuiteOptions extends Pick<EvaluateModelOptions, "adapter" | "samples" | "temperature" | "maxTokens" | "format" | "seed" | "threads" | "weights" | "signal" | "onRow" | "rowsPerTask"> {
  /** Path of a JSONL file of tasks. */
  suite: string;
  model: string;
  /** A second model that is evaluated on the same tasks; it counts as `before` in the comparison. */
  baseline?: string;
  /** Of the executor that judges the answers. */
  executor?: ExecutorOptions;
  onBadLine?: (bad: { line: number; error: string }) => void;
  onProgress?: (model: string, done: number, total: number) => void;
}

export interface SuiteResult {
  /** File name of the suite. */
  suite: string;
  /** With the folder of its adapters, where there are any. */
  model: string;
  baseline: string | null;
  samples: number;
  temperature: number;
  seed: number;
  /** Of `model`. */
  kinds: Record<string, Accuracy>;
  overall: Accuracy;
  comparison: HeldOutComparison | null;
  outcomes: TaskOutcome[];
}

/** Evaluates; throws what readTaskFile and evaluateModel throw. */
export async function evaluateSuite(options: EvaluateSuiteOptions): Promise<SuiteResult> {
  const { suite, model, adapter, baseline, samples = 4, temperature = 1, seed, executor: _, onBadLine, onProgress, onRow, ...rest } = options;
  const tasks = await readTaskFile(suite, onBadLine);
  await using executor = await openExecutor(options.executor);
  const called = adapter === undefined ? model : `${model} with ${adapter}`;
  const run = (path: string, name: string, more: Pick<EvaluateModelOptions, "adapter" | "onRow"> = {}): Promise<TaskOutcome[]> =>
    evaluateModel({
      ...rest,
      ...more,
      model: path,
      tasks,
      samples,
      temperature,
      seed,
      executor,
      ...(onProgress === undefined ? {} : { onProgress: (done, total) => onProgress(name, done, total) }),
    });
  const before = baseline === undefined ? null : await run(baseline, baseline);
  const outcomes = await run(model, called, { ...(adapter === undefined ? {} : { adapter }), ...(onRow && { onRow }) });
  return {
    suite: basename(suite),
    model: called,
    baseline: baseline ?? null,
    samples,
    temperature,
    seed,
    ...accuracies(outcomes),
    comparison: before === null ? null : compareOutcomes(before, outcomes),
    outcomes,
  };
}

/** A result as a file of outcomes holds it. */
export function evaluationOf({ suite, model, samples, temperature, seed, outcomes }: SuiteResult): Evaluation {
  return { settings: { suite, model, samples, temperature, seed }, outcomes };
}
