// The gradient step of a step: all groups in one packed batch (or a few, split by prompt), each distinct prompt once. The weights of the tokens carry
// the normalisation over the whole batch, so that neither micro-batches nor packing change the loss. `sequence`: each completion has 1/N and shares it
// among its tokens, the mean over sequences of token means (arXiv 2505.03335, equation 9); `token`: each token has 1/(all tokens) (DAPO, arXiv
// 2503.14476, equation 8); `constant`: each token has 1/(N L) (Dr. GRPO, arXiv 2503.20783, section 3.2).
import type { Config } from "../config/index.ts";
import type { UpdateRequest, UpdateResult } from "../engine/engine.ts";
import { createRandom } from "../random.ts";
import { gradientStep } from "./gradient-step.ts";
import { updateId } from "./identifiers.ts";
import type { EncodedPrompt } from "./sample.ts";
import type { Group, Sequence, StepContext } from "./step-context.ts";
import { packRows } from "./token-rows.ts";

/** Trained sequences that share a prompt. */
interface Bundle {
  prompt: EncodedPrompt;
  sequences: Sequence[];
}

function bundles(groups: readonly Pick<Group, "sequences">[]): Bundle[] {
  const byPrompt = new Map<EncodedPrompt, Bundle>();
  for (const sequence of groups.flatMap(({ sequences }) => sequences)) {
    if (!sequence.trained || sequence.completion.tokens.length === 0) continue;
    const bundle = byPrompt.get(sequence.prompt) ?? { prompt: sequence.prompt, sequences: [] };
    byPrompt.set(sequence.prompt, bundle);
    bundle.sequences.push(sequence);
  }
  return [...byPrompt.values()];
}

const lengthOf = ({ completion }: Sequence) => completion.tokens.length;

/** Without an advantage a sequence has no surrogate: it counts in the mean, but need not be computed for it. */
function learns({ advantage, advantages }: Sequence, { kl, entropyBonus }: Config["update"]): boolean {
  return (kl.coefficient > 0 && kl.in === "loss") || entropyBonus > 0 || (advantages?.some((one) => one !== 0) ?? advantage !== 0);
}

/** The arrays of one gradient step, or null when no sequence has a gradient: then there is nothing to learn. */
export function packUpdate(batch: Bundle[], { update, generation }: Pick<Config, "update" | "generation">) {
  const { aggregation, aggregationLength, kl, importanceCap } = update;
  const all = batch.flatMap(({ sequences }) => sequences);
  const tokens = all.reduce((sum, sequence) => sum + lengthOf(sequence), 0);
  const constant = aggregationLength > 0 ? aggregationLength : Math.max(generation.maxTokens.propose, generation.maxTokens.solve);
  const divisors = { sequence: (sequence: Sequence) => all.length * lengthOf(sequence), token: () => tokens, constant: () => all.length * constant };
  const divergence = kl.coefficient > 0 && kl.in === "loss";
  const kept = batch
    .map(({ prompt, sequences }) => ({ prompt, sequences: sequences.filter((sequence) => learns(sequence, update)) }))
    .filter(({ sequences }) => sequences.length > 0);
  const rows = kept.flatMap(({ sequences }) => sequences);
  if (rows.length === 0) return null;
  const total = rows.reduce((sum, sequence) => sum + lengthOf(sequence), 0);
  const array = () => new Float32Array(total);
  const [weights, advantages, oldLogProbabilities, samplerLogProbabilities, referenceLogProbabilities] = [array(), array(), array(), array(), array()];
  let at = 0;
  for (const sequence of rows) {
    const end = at + lengthOf(sequence);
    weights.fill(1 / divisors[aggregation](sequence), at, end);
    if (sequence.advantages === undefined) advantages.fill(sequence.advantage, at, end);
    else advantages.set(sequence.advantages, at);
    oldLogProbabilities.set(sequence.old ?? sequence.completion.logProbabilities, at);
    samplerLogProbabilities.set(sequence.completion.logProbabilities, at);
    if (divergence) referenceLogProbabilities.set(sequence.reference!, at);
    at = end;
  }
  return {
    prompts: packRows(kept.map(({ prompt }) => prompt.tokens)),
    completions: packRows(rows.map(({ completion }) => completion.tokens)),
    completionPrompt: Int32Array.from(kept.flatMap(({ sequences }, index) => sequences.map(() => index))),
    weights,
    advantages,
    oldLogProbabilities,
    ...(divergence ? { kl: { coefficient: kl.coefficient, estimator: kl.estimator, referenceLogProbabilities } } : {}),
    // Where the trainer's are the sampler's, every weight is exactly 1.
    ...(rows.some(({ old }) => old !== undefined) ? { importance: { samplerLogProbabilities, cap: importanceCap } } : {}),
  };
}

/** A gradient step that was taken. */
export interface TakenUpdate extends UpdateResult {
  id: string;
  /** Completions with a gradient. */
  completions: number;
}

/** What training needs of a step; src/replay-step.ts gives it from records. */
export type TrainingContext = Pick<StepContext, "config" | "engine" | "signal" | "step" | "timings" | "clock" | "emit">;

/**
 * Runs the step's gradient steps, one a minibatch; a minibatch without any gradient is left out. Which sequences are part of which is marked before it returns.
 * Rejects as Engine.update does.
 */
export async function trainOn(context: TrainingContext, groups: readonly Pick<Group, "sequences">[]): Promise<TakenUpdate[]> {
  const { config, engine, signal, step, timings, clock } = context;
  const { clip, minibatches, entropyBonus } = config.update;
  const ordered = bundles(groups);
  const mixed = minibatches === 1 ? ordered : createRandom(config.seed, step, "minibatches").shuffle(ordered);
  const size = Math.ceil(mixed.length / minibatches);
  const parts = Array.from({ length: minibatches }, (_, part) => mixed.slice(part * size, (part + 1) * size));
  for (const [part, batch] of parts.entries()) {
    for (const sequence of batch.flatMap(({ sequences }) => sequences)) if (learns(sequence, config.update)) sequence.update = updateId(step, part);
  }
  const results: TakenUpdate[] = [];
  const began = clock();
  for (const [part, batch] of parts.entries()) {
    const packed = packUpdate(batch, config);
    if (packed === null) continue;
    const request: UpdateRequest = {
      ...packed,
      loss: "policy",
      clipLow: clip.low,
      clipHigh: clip.high,
      ...(clip.dual > 0 ? { dualClip: clip.dual } : {}),
      ...(entropyBonus > 0 ? { entropyBonus } : {}),
      ...gradientStep(config.update, step, config.steps),
      signal,
    };
    const result = await engine.update(request);
    results.push({ id: updateId(step, part), completions: packed.completions.lengths.length, ...result });
  }
  timings.update += clock() - began;
  for (const { id, completions, loss, gradientNorm, entropy, clipFraction, approximateKl, meanLogProbabilityGap, maxLogProbabilityGap, trainedTokens } of results) {
    const figures = { id, completions, loss, gradientNorm, entropy, clipFraction, approximateKl, meanLogProbabilityGap, maxLogProbabilityGap, trainedTokens };
    context.emit({ type: "update-end", ...figures });
  }
  return results;
}
