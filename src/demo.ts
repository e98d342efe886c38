// The demo as a library call: self-play from the bundled model, then the same held-out tasks put to the model before and after,
// a table, examples and a report. src/cli/commands/demo.ts gives it a face.

import { writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { loadConfig } from "./config/index.ts";
import { curriculumSettings } from "./curriculum/settings.ts";
import { readTaskFile } from "./curriculum/task-file.ts";
import type { Task } from "./curriculum/task.ts";
import { compareOutcomes } from "./eval/compare.ts";
import type { HeldOutComparison } from "./eval/compare.ts";
import { evaluateModel } from "./eval/evaluate-model.ts";
import type { TaskOutcome } from "./eval/evaluate.ts";
import { writeOutcomes } from "./eval/outcome-file.ts";
import { AzrError } from "./errors.ts";
import type { RunEvent, RunStatus, Sink } from "./events.ts";
import { openExecutor } from "./executor/open.ts";
import type { ExampleTask } from "./report/data.ts";
import { pickExamples } from "./report/examples.ts";
import { comparisonFile } from "./report/read-run.ts";
import { writeReport } from "./report/write-report.ts";
import type { OpenModel } from "./open-model.ts";
import { readRunConfig } from "./run/folder.ts";
import { selfPlayForm } from "./run/form.ts";
import { executorOptions, type GivenParts } from "./run/open-parts.ts";
import { resume, train } from "./train.ts";
import type { Run, RunResult } from "./train.ts";

export interface DemoOptions {
  seed?: number;
  /** Steps in all. Default: the preset's. */
  steps?: number;
  /** Stop after the step under way when self-play has lasted this long; 0 = no limit. Default 600. Changes no step's result. */
  seconds?: number;
  /** Settings like `reward.shuffle=true`, on top of the preset `demo`. */
  set?: string[];
  /** Folder of a demo run to go on with; seed, steps and settings are then those of that run. */
  resume?: string;
  /** JSONL file of tasks to measure on. Default: the bundled held-out tasks. */
  heldOut?: string;
  /** Tasks of each kind to measure on, the first of the file. Default: all. */
  tasksPerKind?: number;
  /** Sampled answers a task. Default 4. */
  samples?: number;
  /** Engine, executor and tokenizer in place of those of the package. `open` gives the models to measure: the base, a run folder. */
  parts?: GivenParts & { open?: (model: string) => Promise<OpenModel> };
  sinks?: Sink[];
  signal?: AbortSignal;
  /** Receives the run as soon as there is one, for `stop()`. */
  onRun?: (run: Run) => void;
  /** One line a stage of the measurement. */
  onProgress?: (text: string) => void;
}

/** What `azr demo --json` ends with; accuracies and shares are from 0 to 1. */
export interface DemoResult extends HeldOutComparison {
  type: "demo-result";
  seed: number;
  /** Steps of the run so far, those before a resumption included. */
  steps: number;
  /** Wall seconds of self-play in this sitting. */
  seconds: number;
  stepsPerMinute: number;
  /** Shares of the steps' wall time during which the engine sampled, programs ran, the gradient was taken; they may overlap. */
  shares: { sampling: number; executor: number; update: number };
  status: RunStatus;
  model: string;
  samples: number;
  temperature: number;
  run: string;
  report: string;
  examples: ExampleTask[];
}

/** The held-out tasks that come with the package. */
export const heldOutFile = seedlingTasks("heldout");
/** Tasks for choosing between recipes. Unless it measures on other tasks, the demo keeps their programs out as well, so that its model can be measured on them. */
export const validationFile = seedlingTasks("validation");

function seedlingTasks(name: string): string {
  return fileURLToPath(new URL(`../models/seedling/held-out/${name}.jsonl`, import.meta.url));
}

/**
 * Runs the demo. A run that was stopped (`onRun(run)`, then `run.stop()`) is not measured: the result is then null. Throws what
 * training, evaluation and the report throw.
 */
export async function demo(options: DemoOptions = {}): Promise<DemoResult | null> {
  const { samples = 4, signal, parts = {}, onProgress = () => undefined } = options;
  // Read first: a missing file should not be found out after ten minutes.
  const measuredFile = await fileToMeasureOn(options);
  const tasks = firstOfEachKind(await readTaskFile(measuredFile), options.tasksPerKind);
  const { result, seconds, steps } = await selfPlay(options, measuredFile);
  if (result.status === "stopped" || result.status === "paused") return null;
  const config = await readRunConfig(selfPlayForm, result.dir);
  const { induction, error, validation } = config.curriculum;
  const common = {
    tasks,
    samples,
    temperature: 1,
    seed: config.seed,
    format: config.format,
    maxTokens: config.generation.maxTokens.solve,
    settings: curriculumSettings({ induction, error, validation, limits: config.executor.limits }),
    ...(config.engine.threads > 0 ? { threads: config.engine.threads } : {}),
    ...(signal === undefined ? {} : { signal }),
    ...(parts.open === undefined ? {} : { open: parts.open }),
  };
  await using opened = parts.executor ? null : await openExecutor(executorOptions(config.executor));
  const executor = parts.executor ?? opened!;
  onProgress(`measuring ${config.model} as it was, on ${tasks.length} held-out tasks`);
  const before = await evaluateModel({ ...common, model: config.model, executor });
  onProgress("measuring it after self-play");
  const after = await evaluateModel({ ...common, model: result.dir, executor });
  const comparison = compareOutcomes(before, after);
  const shown = { ...comparison, samples, temperature: 1 };
  await writeFile(join(result.dir, comparisonFile), `${JSON.stringify(shown, null, 2)}\n`);
  const keep = (name: string, model: string, outcomes: TaskOutcome[]): Promise<void> => {
    const settings = { suite: basename(measuredFile), model, samples, temperature: 1, seed: config.seed };
    return writeOutcomes(join(result.dir, name), [{ settings, outcomes }]);
  };
  await keep("held-out-before.jsonl", config.model, before);
  await keep("held-out-after.jsonl", result.dir, after);
  const { samplingShare, executorShare, updateShare } = result.timings;
  return {
    type: "demo-result",
    seed: config.seed,
    steps: result.step,
    seconds,
    stepsPerMinute: seconds > 0 ? (steps / seconds) * 60 : 0,
    ...comparison,
    shares: { sampling: samplingShare, executor: executorShare, update: updateShare },
    status: result.status,
    model: config.model,
    samples,
    temperature: 1,
    run: result.dir,
    report: await writeReport(result.dir),
    examples: await pickExamples(result.dir, config.kinds),
  };
}

/**
 * The task file that the demo measures on: the one given, else that of the run that goes on, else the bundled one. Throws
 * AZR_CONFIG_INVALID for settings that have an option of their own, AZR_INPUT_INVALID for a file that the run to go on with may have trained on.
 */
async function fileToMeasureOn({ set = [], heldOut, resume: folder }: DemoOptions): Promise<string> {
  for (const [setting, option] of [["curriculum.heldOut", "--held-out (`heldOut`)"], ["timeBudgetSeconds", "--seconds (`seconds`)"]] as const) {
    if (!set.some((entry) => entry.split("=")[0]!.trim() === setting)) continue;
    throw new AzrError("AZR_CONFIG_INVALID", `The demo sets ${setting} itself.`, { hint: `Use ${option} instead.` });
  }
  if (folder === undefined) return resolve(heldOut ?? heldOutFile);
  const kept = (await readRunConfig(selfPlayForm, folder)).curriculum.heldOut.map((path) => resolve(path));
  const file = heldOut === undefined ? kept[0] : resolve(heldOut);
  if (file !== undefined && kept.includes(file)) return file;
  throw new AzrError("AZR_INPUT_INVALID", `The run ${folder} did not keep ${file ?? "any task file"} out of its training, so nothing measured on it would mean anything.`, {
    hint: kept.length > 0 ? `Measure on ${kept.join(" or ")}.` : "Only a run that `azr demo` began can be gone on with.",
  });
}

/** Trains, and clocks the wall time from the first step's start to the run's end, checkpoints included. */
async function selfPlay(options: DemoOptions, measuredFile: string): Promise<{ result: RunResult; seconds: number; steps: number }> {
  const { seed, steps, seconds = 600, set = [], sinks = [], parts = {}, signal, onRun } = options;
  const { open: _, ...given } = parts;
  let began: number | null = null;
  let done = 0;
  const clock: Sink = {
    write({ type }: RunEvent) {
      if (type === "step-start") began ??= performance.now();
      if (type === "step-end") done += 1;
    },
  };
  const runOptions = { ...given, sinks: [...sinks, clock], ...(signal === undefined ? {} : { signal }) };
  const argument = {
    timeBudgetSeconds: seconds,
    // What is reported on must never be trained on.
    curriculum: { heldOut: options.heldOut === undefined ? [measuredFile, validationFile] : [measuredFile] },
    ...(seed === undefined ? {} : { seed }),
    ...(steps === undefined ? {} : { steps }),
  };
  const run =
    options.resume === undefined
      ? train(await loadConfig({ file: false, preset: "demo", command: "demo", set, argument }), runOptions)
      : resume(options.resume, { ...runOptions, change: { timeBudgetSeconds: seconds } });
  onRun?.(run);
  const result = await run.result;
  return { result, steps: done, seconds: began === null ? 0 : (performance.now() - began) / 1000 };
}

function firstOfEachKind(tasks: Task[], most = Number.POSITIVE_INFINITY): Task[] {
  const seen = new Map<string, number>();
  return tasks.filter(({ kind }) => {
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    return count <= most;
  });
}
