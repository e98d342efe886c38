// Evaluates a model on a list of tasks: one greedy answer and several samples a task, through the same prompts, parsers and
// verification as training (src/curriculum/kinds). compare.ts compares two such evaluations; the demo and `azr eval` call this.

import type { Format, Prompt } from "../curriculum/format.ts";
import { kindNamed } from "../curriculum/kinds/registry.ts";
import { curriculumSettings } from "../curriculum/settings.ts";
import type { CurriculumSettings } from "../curriculum/settings.ts";
import { encodePrompt, sampleCompletions } from "../curriculum/sample.ts";
import type { TextCodec } from "../curriculum/sample.ts";
import type { Task, Verdict } from "../curriculum/task.ts";
import { checkVocabulary } from "../curriculum/vocabulary.ts";
import type { Engine } from "../engine/engine.ts";

import { AzrError } from "../errors.ts";
import type { Executor } from "../executor/executor.ts";
import { derive } from "../random.ts";

export interface EvaluateOptions {
  engine: Engine;
  tokenizer: TextCodec;
  executor: Executor;
  tasks: readonly Task[];
  format: Format;
  /** Sampled answers a task; 0 = greedy only. Default 4. */
  samples?: number;
  /** Temperature of the samples. Default 1. */
  temperature?: number;
  /** Whether each task also gets a greedy answer. Default true. */
  greedy?: boolean;
  seed: number;
  /** Most tokens an answer. Default 64. */
  maxTokens?: number;
  /** Token ids that end an answer. */
  stopTokens: number[];
  settings?: CurriculumSettings;
  signal?: AbortSignal;
  /** Called after each chunk of tasks with the number that are done. */
  onProgress?: (done: number, total: number) => void;
  /** Called at the end with each task's prompt and outcome, in their order. */
  onJudged?: (prompt: Prompt, outcome: TaskOutcome) => void;
}

export interface AnswerOutcome {
  verdict: Verdict;
  /** What the model wrote, special tokens as text. */
  text: string;
}

export interface TaskOutcome {
  id: string;
  kind: string;
  /** `malformed` with an empty text when greedy answers were not asked for. */
  greedy: AnswerOutcome;
  samples: AnswerOutcome[];
}

/** Tasks whose prompts go to the engine together. Part of the definition: the seed of a chunk depends on its place. */
const chunkSize = 256;

/**
 * One outcome a task, in the order of `tasks`; equal arguments give equal outcomes. Throws AZR_EXECUTOR_FAILED when an answer could
 * not be judged, AZR_INPUT_INVALID for a task without the fields of its kind, AZR_CONFIG_INVALID for a format that the vocabulary cannot carry, and whatever engine and executor throw.
 */
export async function evaluate(options: EvaluateOptions): Promise<TaskOutcome[]> {
  if (!Array.isArray(options?.tasks)) throw new AzrError("AZR_INPUT_INVALID", "Expected an array of tasks.", { hint: "readTaskFile() gives one." });
  const { tasks, format, tokenizer, signal, onProgress, onJudged } = options;
  const prompts: Prompt[] = [];
  checkVocabulary(format, new Set(tasks.map(({ kind }) => kind)), tokenizer);
  const outcomes: Promise<TaskOutcome[]>[] = [];
  let done = 0;
  for (let start = 0; start < tasks.length; start += chunkSize) {
    const chunk = tasks.slice(start, start + chunkSize);
    if (signal?.aborted) throw new AzrError("AZR_ABORTED", "The evaluation was aborted.", { cause: signal.reason });
    const texts = await answerChunk(options, chunk, start / chunkSize);
    prompts.push(...texts.map(({ prompt }) => prompt));
    // The executor judges this chunk while the engine answers the next one.
    const judged = Promise.all(chunk.map((task, index) => judge(options, task, texts[index]!)));
    judged.then(() => onProgress?.((done += chunk.length), tasks.length)).catch(() => {});
    outcomes.push(judged);
  }
  const all = (await Promise.all(outcomes)).flat();
  all.forEach((outcome, at) => onJudged?.(prompts[at]!, outcome));
  return all;
}

interface AnswerTexts {
  prompt: Prompt;
  greedy: string | null;
  samples: string[];
}

async function answerChunk(options: EvaluateOptions, chunk: readonly Task[], place: number): Promise<AnswerTexts[]> {
  const { engine, tokenizer, format, samples = 4, temperature = 1, greedy = true, seed, maxTokens = 64, stopTokens, signal } = options;
  const built = chunk.map((task) => kindNamed(task.kind).buildSolutionPrompt(task, format));
  const prompts = built.map((prompt) => encodePrompt(tokenizer, prompt));
  const read = async (count: number, heat: number): Promise<string[][]> => {
    if (count === 0) return chunk.map(() => []);
    const completions = await sampleCompletions({
      engine,
      codec: tokenizer,
      prompts,
      samples: count,
      maxTokens,
      temperature: heat,
      topP: 1,
      seed: derive(seed, "evaluate", place),
      stopTokens,
      ...(signal === undefined ? {} : { signal }),
    });
    return completions.map((row) => row.map(({ text }) => text));
  };
  const best = await read(greedy ? 1 : 0, 0);
  const sampled = await read(samples, temperature);
  return chunk.map((_, index) => ({
    prompt: built[index]!,
    greedy: best[index]![0] ?? null,
    samples: sampled[index]!,
  }));
}

async function judge(options: EvaluateOptions, task: Task, { prompt: { prefill }, greedy, samples }: AnswerTexts): Promise<TaskOutcome> {
  const { executor, format, settings = curriculumSettings(), signal } = options;
  const kind = kindNamed(task.kind);
  // Samples often repeat: each distinct answer of a task is judged once.
  const verdicts = new Map<string, Promise<Verdict>>();
  const verdictOf = async (answer: string): Promise<Verdict> => {
    const { verdict, detail } = await kind.verify(task, answer, { executor, settings, ...(signal === undefined ? {} : { signal }) });
    if (verdict !== "undecided") return verdict;
    throw new AzrError("AZR_EXECUTOR_FAILED", `An answer to task ${task.id} could not be judged: ${detail}`, {
      hint: "Run `npx azr doctor`, then evaluate again.",
    });
  };
  const outcome = async (text: string): Promise<AnswerOutcome> => {
    const parsed = kind.parseAnswer(prefill + text, format);
    if (!parsed.ok) return { verdict: "malformed", text };
    let verdict = verdicts.get(parsed.answer);
    if (verdict === undefined) verdicts.set(parsed.answer, (verdict = verdictOf(parsed.answer)));
    return { verdict: await verdict, text };
  };
  const [best, ...sampled] = await Promise.all([greedy ?? "", ...samples].map(outcome));
  return { id: task.id, kind: task.kind, greedy: best!, samples: sampled };
}
