// A classifier's scores go through the journal like verdicts: they are written down before they are used, and a run that goes on reads back those of the
// steps that were cut off. A failure that the run goes on without is written down too.
import { createHash } from "node:crypto";
import { AzrError } from "../errors.ts";
import type { RunEventBody } from "../events.ts";
import type { Classify } from "../oversight/classifier.ts";
import type { AppendLog } from "./append-log.ts";

/** One line of journal.jsonl. */
interface ScoreEntry {
  step: number;
  call: "classify";
  /** Hash of the texts. */
  key: string;
  /** null: it failed. */
  result: readonly number[] | null;
}

export interface JournaledClassifierOptions {
  /** `skip`: a failure costs the step its scores, with a warning. */
  onFailure: "skip" | "stop";
  log: AppendLog;
  /** Lines of the journal after the checkpoint; those of other calls are passed over. */
  recorded: readonly { step: number; call: string; key: string; result: unknown }[];
  emit(event: RunEventBody): void;
  signal: AbortSignal;
}

export function journaledClassifier(classify: Classify, { onFailure, log, recorded, emit, signal }: JournaledClassifierOptions): Classify {
  const known = new Map<string, ScoreEntry["result"]>();
  for (const { step, call, key, result } of recorded) if (call === "classify") known.set(`${step} ${key}`, result as ScoreEntry["result"]);

  async function ask(texts: readonly string[], step: number): Promise<ScoreEntry["result"]> {
    try {
      return await classify(texts, { step, signal });
    } catch (error) {
      // A run that is told to stop knows nothing of the classifier.
      if (signal.aborted) throw new AzrError("AZR_ABORTED", "The run was aborted while the classifier worked", { cause: signal.reason });
      if (onFailure === "stop") throw error;
      emit({ type: "warning", code: "CLASSIFIER_FAILED", message: `${(error as Error).message}; step ${step} goes without its scores` });
      return null;
    }
  }
  return async (texts, { step }) => {
    const key = createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 24);
    const before = known.get(`${step} ${key}`);
    if (before !== undefined) return before;
    const result = await ask(texts, step);
    log.append({ step, call: "classify", key, result } satisfies ScoreEntry);
    await log.flush();
    return result;
  };
}
