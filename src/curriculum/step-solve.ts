// The solver's half of a step for one kind: answers are sampled for each task, parsed, and judged in the executor.
import type { Source } from "../events.ts";
import { mapBounded } from "./bounded.ts";
import { answersId, rolloutId } from "./identifiers.ts";
import type { ParsedAnswer, TaskKind, VerdictResult } from "./kinds/kind.ts";
import { type EncodedPrompt, sampleCompletions, sampleSeed } from "./sample.ts";
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
  /** Whose tasks they are, where they are not the run's own. */
  source?: Source | undefined;
}

/** One list of judged answers a task, in the order of the tasks. Reward and advantage are filled in later. */
export async function solve(context: StepContext, { kind, tasks, samples, purpose, source }: SolveOptions): Promise<Sequence[][]> {
  const { config, engine, codec, stopTokens, signal, step, timings, clock } = context;
  if (tasks.length === 0) return [];
  const began = clock();
  const completions = await sampleCompletions({
    engine,
    codec,
    prompts: tasks.map(({ prompt }) => prompt),
    samples,
    maxTokens: config.generation.maxTokens.solve,
    temperature: config.generation.temperature.solve,
    topP: config.generation.topP,
    seed: sampleSeed(config.seed, step, { role: "solve", labels: [purpose], kind: kind.name }),
    stopTokens,
    signal,
  });
  timings.solve += clock() - began;
  const origin = source === undefined ? {} : { source };
  context.emit({ type: "rollout-end", role: "solve", kind: kind.name, ...origin, ...countTokens(completions.flat(), tasks.length) });

  const judging = clock();
  const ids = tasks.map((_, place) => answersId(purpose, step, kind.letter, place));
  const flat = tasks.flatMap(({ task, prompt }, place) =>
    completions[place]!.map((completion, index) => ({ id: rolloutId(ids[place]!, index), task, prompt, completion, index })),
  );
  const parsed = flat.map(({ prompt, completion }) => kind.parseAnswer(prompt.prefill + completion.text, context.format));
  const outcomes = await judgeAll(context, kind, flat.map(({ task }, at) => ({ task, parsed: parsed[at]! })));
  const judged = flat.map((one, at): Sequence => ({ ...one, reward: null, advantage: 0, trained: false, ...outcomes[at]! }));
  timings.verify += clock() - judging;
  const byTask = tasks.map((_, at) => judged.slice(at * samples, (at + 1) * samples));
  const answers = tasks.map(({ task }, at) => ({ id: ids[at]!, task: task.id, outcomes: countOutcomes(byTask[at]!) }));
  context.emit({ type: "answers-judged", kind: kind.name, ...origin, stream: purpose, answers });
  return byTask;
}

/** How many sequences came to each outcome. */
export function countOutcomes(sequences: readonly Sequence[]): Record<string, number> {
  const outcomes: Record<string, number> = {};
  for (const { outcome } of sequences) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return outcomes;
}

type Outcome = Pick<Sequence, "outcome" | "detail" | "answer" | "contradicts">;

/** The outcome of each answer, in order. The rollouts of a task repeat themselves: an answer that was given before is not judged again. */
async function judgeAll(context: StepContext, kind: TaskKind, answers: { task: Task; parsed: ParsedAnswer }[]): Promise<Outcome[]> {
  const { executor, settings, signal } = context;
  const questions = new Map<string, { task: Task; answer: string }>();
  const keys = answers.map(({ task, parsed }) => {
    if (!parsed.ok) return undefined;
    const key = `${task.id} ${parsed.answer}`;
    if (!questions.has(key)) questions.set(key, { task, answer: parsed.answer });
    return key;
  });
  const verdicts = new Map<string, VerdictResult>();
  await mapBounded([...questions], executorRequests, async ([key, { task, answer }]) => {
    verdicts.set(key, await kind.verify(task, answer, { executor, settings, signal }));
  });
  return answers.map(({ parsed }, at) => {
    if (!parsed.ok) return { outcome: parsed.reason, detail: parsed.detail };
    const { verdict, detail, contradicts } = verdicts.get(keys[at]!)!;
    return { outcome: verdict, detail, answer: parsed.answer, ...(contradicts === undefined ? {} : { contradicts }) };
  });
}
