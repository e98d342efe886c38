// The proposer's half of a step for one kind: prompts from past tasks, completions, parsing, and validation in the executor.
// Nothing is accepted here: admit-tasks.ts decides that in the order of proposals, so that what finishes first does not matter.
import { AzrError } from "../errors.ts";
import { createRandom, type Random } from "../random.ts";
import { mapBounded } from "./bounded.ts";
import { drawHelpers } from "./composite.ts";
import { proposalId } from "./identifiers.ts";
import type { Draft, ProposalRequest, TaskKind, Validation } from "./kinds/kind.ts";
import { type Completion, encodePrompt, type EncodedPrompt, sampleCompletions, sampleSeed } from "./sample.ts";
import type { Sequence, StepContext } from "./step-context.ts";
import type { Task } from "./task.ts";

/** Requests of one kind that wait for the executor at a time; it runs fewer, and queues the rest. */
export const executorRequests = 64;

/** A proposal with its verdict, not yet admitted. */
export interface Proposal {
  sequence: Sequence;
  draft: Draft | undefined;
  /** The task on whose program it builds, for kinds that need one. */
  source: Task | undefined;
  validation: Validation;
}

/** What one kind proposes in a step; the labels name its random streams. */
export interface ProposeOptions {
  kind: TaskKind;
  count: number;
  labels: (string | number)[];
}

/** Places of the kinds in the order in which they are sampled and admitted: the kind whose answers take longest to judge comes first. */
export function workOrder(kinds: TaskKind[]): number[] {
  return kinds.map((_, at) => at).sort((a, b) => (kinds[b]!.verdictRuns ?? 1) - (kinds[a]!.verdictRuns ?? 1) || a - b);
}

interface Asked {
  request: Omit<ProposalRequest, "random">;
  prompt: EncodedPrompt;
}

/** A proposal as the model wrote it, not looked at yet. */
export interface WrittenProposal extends Asked {
  completion: Completion;
}

/** Whether a prompt leaves room in the model's positions for its completion. */
export const fits = (context: StepContext, prompt: EncodedPrompt, maxTokens: number): boolean =>
  prompt.tokens.length >= 1 && prompt.tokens.length + maxTokens <= context.engine.shape.maxPositions;

function drawRequest(context: StepContext, kind: TaskKind, random: Random): ProposalRequest | undefined {
  const { references: count, referenceSampling: weighting, composite } = context.config.curriculum;
  if (kind.needsReferences === "tasks") {
    const references = context.buffers.of(kind.name).sample(count, random, weighting);
    const helpers = kind.composes ? drawHelpers(context.buffers, random, composite) : [];
    return { references, ...(helpers.length === 0 ? {} : { helpers }), random };
  }
  const [source] = context.buffers.samplePrograms(1, random);
  return source === undefined ? undefined : { references: [], source, random };
}

function ask(context: StepContext, kind: TaskKind, random: Random, request = drawRequest(context, kind, random)): Asked | undefined {
  if (request === undefined) return undefined;
  // References that do not fit are left out one by one: a long past task must not silence the proposer.
  for (let references = request.references; ; references = references.slice(0, -1)) {
    const shorter = { ...request, references };
    const prompt = encodePrompt(context.codec, kind.buildProposalPrompt(shorter, context.format, context.settings));
    const { random: _random, ...kept } = shorter;
    if (fits(context, prompt, context.config.generation.maxTokens.propose)) return { request: kept, prompt };
    if (references.length > 0) continue;
    if (request.helpers !== undefined) return ask(context, kind, random, { ...request, helpers: undefined });
    // A program to build on may be too long; a prompt that holds no past task at all is what it will be in every step.
    if (kind.needsReferences === "program") return undefined;
    const { maxTokens } = context.config.generation;
    throw new AzrError("AZR_CONFIG_INVALID", `No prompt for ${kind.name} proposals fits: it has ${prompt.tokens.length} tokens, a proposal may have ${maxTokens.propose}, and the model reads ${context.engine.shape.maxPositions} in all.`, {
      hint: "Lower generation.maxTokens.propose, take a shorter format, or a model that reads more.",
    });
  }
}

/** Samples one kind's proposals; they come back in the order of their prompts. Prompts and the request to the engine are made before it returns. */
export async function writeProposals(context: StepContext, { kind, count, labels }: ProposeOptions): Promise<WrittenProposal[]> {
  const { config, proposer, codec, stopTokens, signal, step, timings, clock } = context;
  const asked = Array.from({ length: count }, (_, index) =>
    ask(context, kind, createRandom(config.seed, step, ...labels, kind.name, index)),
  ).filter((one) => one !== undefined);
  const began = clock();
  const completions = await sampleCompletions({
    engine: proposer,
    codec,
    prompts: asked.map(({ prompt }) => prompt),
    samples: 1,
    maxTokens: config.generation.maxTokens.propose,
    temperature: config.generation.temperature.propose,
    topP: config.generation.topP,
    seed: sampleSeed(config.seed, step, { role: "propose", labels, kind: kind.name }),
    stopTokens,
    signal,
  });
  timings.propose += clock() - began;
  return asked.map((one, at) => ({ ...one, completion: completions[at]![0]! }));
}

/** Parses and validates one kind's proposals, in their order; `firstId` is the number in the id of the first. */
export async function judgeProposals(context: StepContext, kind: TaskKind, written: WrittenProposal[], firstId = 0): Promise<Proposal[]> {
  const { format, settings, step, timings, clock } = context;
  context.emit({ type: "rollout-end", role: "propose", kind: kind.name, ...countTokens(written.map(({ completion }) => completion)) });
  const validating = clock();
  const proposals = await mapBounded(written, executorRequests, async ({ request, prompt, completion }, index): Promise<Proposal> => {
    const id = proposalId(step, kind.letter, firstId + index);
    context.emit({ type: "task-proposed", kind: kind.name, proposal: id, index });
    const base = { id, prompt, completion, task: undefined, index, reward: null, advantage: 0, trained: false };
    const parsed = kind.parseProposal(prompt.prefill + completion.text, request, format, settings);
    const validation: Validation = parsed.ok ? await validate(context, kind, parsed.draft) : parsed;
    const { outcome, detail } = validation.ok ? { outcome: "accepted", detail: "" } : { outcome: validation.reason, detail: validation.detail };
    const shown = [...request.references, ...(request.source === undefined ? [] : [request.source]), ...(request.helpers ?? [])];
    const parents = [...new Set(shown.map(({ id }) => id))];
    const sequence: Sequence = { ...base, outcome, detail, parents, shown: request.references };
    return { sequence, draft: parsed.ok ? parsed.draft : undefined, source: request.source, validation };
  });
  timings.validate += clock() - validating;
  return proposals;
}

function validate(context: StepContext, kind: TaskKind, draft: Draft): Promise<Validation> {
  const { executor, settings, format, excludedPrograms, isKnown, config, signal } = context;
  const { inputsPerProgram } = config.curriculum;
  return kind.validate(draft, { executor, settings, format, excludedPrograms, isKnown, inputsPerProgram, signal });
}

/** Counts for a `rollout-end` event. */
export function countTokens(completions: { tokens: ArrayLike<number>; stopped: boolean }[], prompts = completions.length) {
  return {
    prompts,
    completions: completions.length,
    tokens: completions.reduce((sum, { tokens }) => sum + tokens.length, 0),
    truncated: completions.filter(({ stopped }) => !stopped).length,
  };
}
