// The solver's half of a step for one kind: answers are sampled for each task, parsed, and judged in the executor.
import { derive } from "../random.ts";
import { mapBounded } from "./bounded.ts";
import type { TaskKind } from "./kinds/kind.ts";
import { type EncodedPrompt, sampleCompletions } from "./sample.ts";
import type { Sequence, StepContext } from "./step-context.ts";
import { countTokens, executorRequests } from "./step-propose.ts";
import type { Task } from "./task.ts";

export interface SolveOptions {
  kind: TaskKind;
  tasks: { task: Task; prompt: EncodedPrompt }[];
  /** Answers a task. */
  samples: number;
  /** Names the random stream: `rollouts`, or `attempts` for the separate training answers. */
  purpose: string;
}

/** One list of judged answers a task, in the order of the tasks. Reward and advantage are filled in later. */
export async function solve(context: StepContext, { kind, tasks, samples, purpose }: SolveOptions): Promise<Sequence[][]> {
  const { config, engine, codec, stopTokens, signal, step, timings, clock } = context;
  if (tasks.length === 0) return [];
  const began = clock();
  const completions = await sampleCompletions({
    engine,
    codec,
    prompts: tasks.map(({ prompt }) => prompt),
    samples,
    maxTokens: config.generation.maxTokens.solve,
    temperature: config.generation.temperature,
    topP: config.generation.topP,
    seed: derive(config.seed, step, purpose, kind.name),
    stopTokens,
    signal,
  });
  timings.solve += clock() - began;
  context.emit({ type: "rollout-end", role: "solve", kind: kind.name, ...countTokens(completions.flat(), tasks.length) });

  const judging = clock();
  const flat = tasks.flatMap(({ task, prompt }, at) => completions[at]!.map((completion, index) => ({ task, prompt, completion, index })));
  const judged = await mapBounded(flat, executorRequests, async ({ task, prompt, completion, index }): Promise<Sequence> => {
    const verdict = await judge(context, kind, task, prompt.prefill + completion.text);
    return { prompt, completion, task, index, reward: null, advantage: 0, trained: false, ...verdict };
  });
  timings.verify += clock() - judging;
  return tasks.map((_, at) => judged.slice(at * samples, (at + 1) * samples));
}

async function judge({ executor, settings, format, signal }: StepContext, kind: TaskKind, task: Task, text: string) {
  const parsed = kind.parseAnswer(text, format);
  if (!parsed.ok) return { outcome: parsed.reason, detail: parsed.detail };
  const { verdict, detail } = await kind.verify(task, parsed.answer, { executor, settings, signal });
  return { outcome: verdict, detail, answer: parsed.answer };
}
