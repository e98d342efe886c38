// Files of outcomes: what `azr eval --out` and the demo write of an evaluation, so that any two can be compared later, task by task
// (compare-files.ts). JSONL: a line of settings for each evaluation, then one line a task.

import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import * as z from "zod";
import { AzrError } from "../errors.ts";
import { readJsonlAs } from "../jsonl.ts";
import type { TaskOutcome } from "./evaluate.ts";

export interface EvaluationSettings {
  /** Name of the task file. Tasks of two files are the same when suite and id are. */
  suite: string;
  model: string;
  samples: number;
  temperature: number;
  seed: number;
}

export interface Evaluation {
  settings: EvaluationSettings;
  outcomes: TaskOutcome[];
}

const answer = z.strictObject({ verdict: z.enum(["correct", "wrong", "malformed", "undecided"]), text: z.string() });
const settingsLine = z.strictObject({
  type: z.literal("eval-settings"),
  suite: z.string(),
  model: z.string(),
  samples: z.int().min(0),
  temperature: z.number().min(0),
  seed: z.int().min(0),
});
const outcomeLine = z.strictObject({
  type: z.literal("task-outcome"),
  suite: z.string(),
  id: z.string(),
  kind: z.string(),
  greedy: answer,
  samples: z.array(answer),
});
const lineSchema = z.discriminatedUnion("type", [settingsLine, outcomeLine]);

/** The line of one task. */
export function outcomeRecord(suite: string, outcome: TaskOutcome): z.output<typeof outcomeLine> {
  return { type: "task-outcome", suite, ...outcome };
}

/** Writes evaluations to a file; none leave what is there as it is. Throws AZR_INPUT_INVALID when it cannot be written. */
export async function writeOutcomes(path: string, evaluations: readonly Evaluation[]): Promise<void> {
  const lines = evaluations.flatMap(({ settings, outcomes }) => [
    { type: "eval-settings", ...settings },
    ...outcomes.map((outcome) => outcomeRecord(settings.suite, outcome)),
  ]);
  try {
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""), { flag: lines.length === 0 ? "a" : "w" });
  } catch (cause) {
    throw new AzrError("AZR_INPUT_INVALID", `The outcomes cannot be written to ${path}.`, { hint: "Give --out a path in a folder that you may write to.", cause });
  }
}

/** Reads a file of outcomes. Throws AZR_INPUT_INVALID when it cannot be read, has a bad line, or holds no outcome. */
export async function readOutcomes(path: string): Promise<Evaluation[]> {
  const hint = "Give a file that `azr eval --out` or the demo wrote.";
  const evaluations = new Map<string, Evaluation>();
  try {
    for await (const { line, value, error } of readJsonlAs(createReadStream(path), lineSchema)) {
      if (error !== undefined) throw new AzrError("AZR_INPUT_INVALID", `${path}, line ${line}: ${error}`, { hint });
      if (value.type === "eval-settings") {
        const { type: _, ...settings } = value;
        if (evaluations.has(value.suite)) throw new AzrError("AZR_INPUT_INVALID", `${path}, line ${line}: a second evaluation of ${value.suite}`, { hint });
        evaluations.set(value.suite, { settings, outcomes: [] });
        continue;
      }
      const { type: _, suite, ...outcome } = value;
      const evaluation = evaluations.get(suite);
      if (evaluation === undefined) throw new AzrError("AZR_INPUT_INVALID", `${path}, line ${line}: there is no line of settings for ${suite} before it`, { hint });
      evaluation.outcomes.push(outcome);
    }
  } catch (cause) {
    if (AzrError.isInstance(cause)) throw cause;
    throw new AzrError("AZR_INPUT_INVALID", `The file of outcomes ${path} cannot be read.`, { hint, cause });
  }
  if (![...evaluations.values()].some(({ outcomes }) => outcomes.length > 0)) {
    throw new AzrError("AZR_INPUT_INVALID", `The file ${path} holds no outcomes.`, { hint });
  }
  return [...evaluations.values()];
}
