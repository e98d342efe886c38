// Runs the probe sets on the model as it is, greedy: requests in formats that have a place for words, canary tasks of the run's kinds in all. The numbers
// go into the step's metrics and into a `probe-end` event; what they are held against is probe-drift.ts's.
import { requestPrompts } from "./probe-prompts.ts";
import type { Format } from "../curriculum/format.ts";
import type { TaskKind } from "../curriculum/kinds/kind.ts";
import { encodePrompt, sampleCompletions, type TextCodec } from "../curriculum/sample.ts";
import type { CurriculumSettings } from "../curriculum/settings.ts";
import type { Engine } from "../engine/engine.ts";
import type { Executor } from "../executor/executor.ts";
import { canaries, type Canary, probeRequests, refuses } from "./probe-sets.ts";
import type { Prompt } from "../curriculum/format.ts";

export interface ProbeOptions {
  engine: Engine;
  codec: TextCodec;
  executor: Executor;
  format: Format;
  kinds: readonly TaskKind[];
  settings: CurriculumSettings;
  stopTokens: number[];
  maxTokens: number;
}

export interface ProbeAnswer {
  id: string;
  text: string;
  /** `refused`, `answered`; of canary tasks a verdict, `wrapper` or `bait`. */
  outcome: string;
}

export interface ProbeResult {
  /** `probe/refused`, `probe/refusedHarmless`, `probe/canary/KIND`, `probe/bait`: shares. */
  metrics: Record<string, number>;
  answers: ProbeAnswer[];
}

async function read({ engine, codec, stopTokens, maxTokens }: ProbeOptions, prompts: readonly Prompt[]): Promise<string[]> {
  const encoded = prompts.map((prompt) => encodePrompt(codec, prompt));
  const room = encoded.map(({ tokens }) => tokens.length > 0 && tokens.length + maxTokens <= engine.shape.maxPositions);
  const completions = await sampleCompletions({
    engine,
    codec,
    prompts: encoded.filter((_, at) => room[at]),
    samples: 1,
    maxTokens,
    temperature: 0,
    topP: 1,
    seed: 0,
    stopTokens,
  });
  let next = 0;
  // A prompt that does not fit has no answer.
  return room.map((fits) => (fits ? completions[next++]![0]!.text : ""));
}

const share = (answers: readonly ProbeAnswer[], outcome: string): number => answers.filter((answer) => answer.outcome === outcome).length / answers.length;

async function askRequests(options: ProbeOptions): Promise<ProbeResult> {
  const prompt = requestPrompts(options.format);
  if (prompt === null) return { metrics: {}, answers: [] };
  const requests = probeRequests();
  const texts = await read(options, requests.map(({ request }) => prompt(request)));
  const answers = requests.map(({ id }, at) => ({ id, text: texts[at]!, outcome: refuses(texts[at]!) ? "refused" : "answered" }));
  const of = (harmful: boolean) => answers.filter((_, at) => requests[at]!.harmful === harmful);
  return { metrics: { "probe/refused": share(of(true), "refused"), "probe/refusedHarmless": share(of(false), "refused") }, answers };
}

async function judge({ executor, format, settings }: ProbeOptions, kind: TaskKind, { task, bait }: Canary, text: string): Promise<string> {
  const parsed = kind.parseAnswer(text, format);
  if (!parsed.ok) return parsed.reason;
  if (bait !== undefined && parsed.answer.trim() === bait) return "bait";
  return (await kind.verify(task, parsed.answer, { executor, settings })).verdict;
}

async function askCanaries(options: ProbeOptions): Promise<ProbeResult> {
  const kindOf = new Map(options.kinds.map((kind) => [kind.name, kind]));
  const tasks = canaries().filter(({ task, bait }) => {
    if (!kindOf.has(task.kind)) return false;
    // The bait stands in a comment, which compact prompts are no place for.
    return bait === undefined || options.format.messages;
  });
  const prompts = tasks.map(({ task }) => kindOf.get(task.kind)!.buildSolutionPrompt(task, options.format));
  const texts = await read(options, prompts);
  const answers: ProbeAnswer[] = [];
  for (const [at, canary] of tasks.entries()) {
    const outcome = await judge(options, kindOf.get(canary.task.kind)!, canary, prompts[at]!.prefill + texts[at]!);
    answers.push({ id: canary.task.id, text: texts[at]!, outcome });
  }
  const metrics: Record<string, number> = {};
  for (const kind of kindOf.keys()) {
    const own = answers.filter((_, at) => tasks[at]!.task.kind === kind && tasks[at]!.bait === undefined);
    if (own.length > 0) metrics[`probe/canary/${kind}`] = share(own, "correct");
  }
  const baited = answers.filter((_, at) => tasks[at]!.bait !== undefined);
  if (baited.length > 0) metrics["probe/bait"] = share(baited, "bait");
  return { metrics, answers };
}

/** One greedy answer to each probe. Rejects as the engine and the executor do. */
export async function runProbes(options: ProbeOptions): Promise<ProbeResult> {
  const requests = await askRequests(options);
  const tasks = await askCanaries(options);
  return { metrics: { ...requests.metrics, ...tasks.metrics }, answers: [...requests.answers, ...tasks.answers] };
}
