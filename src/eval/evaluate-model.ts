// Evaluates a model by name: opens engine, tokenizer and executor, runs evaluate.ts, closes what it opened. The library call behind
// `azr eval`, and what the demo does with the model before and after.

import { formatNamed } from "../curriculum/format.ts";
import type { Task } from "../curriculum/task.ts";
import type { Tokenizer } from "../engine/tokenizer.ts";
import { AzrError } from "../errors.ts";
import { openExecutor } from "../executor/open.ts";
import type { Executor } from "../executor/executor.ts";
import type { WeightFormat } from "../engine/engine.ts";
import { openModel } from "../open-model.ts";
import type { OpenModel } from "../open-model.ts";
import { type AnswerRow, answerRows } from "./answer-rows.ts";
import { evaluate } from "./evaluate.ts";
import type { EvaluateOptions, TaskOutcome } from "./evaluate.ts";

export interface EvaluateModelOptions
  extends Pick<EvaluateOptions, "samples" | "temperature" | "seed" | "maxTokens" | "settings" | "signal" | "onProgress"> {
  /** `seedling`, a Hugging Face folder, a GGUF file, a run folder or a name of the hub. */
  model: string;
  /** Folder of adapters that become part of the weights (docs/lora.md). */
  adapter?: string;
  tasks: readonly Task[];
  /** Prompt format. Default: `compact` for models whose tokenizer has its markers, else `paper`. */
  format?: string;
  threads?: number;
  /** How the weights are held. Default `f32`. */
  weights?: WeightFormat;
  /** Called with each row that the right answers make, at most `rowsPerTask` (1 when absent) a task (answer-rows.ts). */
  onRow?: (row: AnswerRow) => void;
  rowsPerTask?: number;
  /** An executor that is open already; otherwise one is opened and closed. */
  executor?: Executor;
  /** Opens the model by its name, in place of `openModel`. */
  open?: (model: string) => Promise<OpenModel>;
}

/** One outcome a task. Throws what opening and evaluating throw. */
export async function evaluateModel(options: EvaluateModelOptions): Promise<TaskOutcome[]> {
  if (typeof options?.model !== "string") throw new AzrError("AZR_INPUT_INVALID", "Expected the name of a model.", { hint: "seedling, for example." });
  const { model, adapter, threads, weights, format, executor, open = (name) => openModel({ model: name, threads, weights, ...(adapter === undefined ? {} : { adapter }) }), onRow, rowsPerTask = 1, ...rest } = options;
  await using opened = await open(model);
  await using own = executor === undefined ? await openExecutor() : null;
  const { engine, tokenizer, stopTokens } = opened;
  const rows = { codec: tokenizer, stopTokens, perTask: rowsPerTask };
  return await evaluate({
    ...rest,
    ...(onRow && { onJudged: (prompt, outcome) => answerRows(prompt, outcome, rows).forEach(onRow) }),
    engine,
    tokenizer,
    stopTokens,
    executor: executor ?? own!,
    format: formatNamed(format ?? defaultFormat(tokenizer)),
  });
}

/** The format that a model was made for. */
export function defaultFormat({ specialTokens }: Pick<Tokenizer, "specialTokens">): string {
  return specialTokens.has("<|deduce|>") ? "compact" : "paper";
}
