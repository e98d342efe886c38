// The gradient step of a step: all groups in one packed batch (or a few, split by prompt), each distinct prompt once. The weights of the tokens carry
// the normalisation over the whole batch, so that neither micro-batches nor packing change the loss. `sequence`: each completion has 1/N and shares it
// among its tokens, the mean over sequences of token means (arXiv 2505.03335, equation 9); `token`: each token has 1/(all tokens) (DAPO, arXiv
// 2503.14476, equation 8); `constant`: each token has 1/(N L) (Dr. GRPO, arXiv 2503.20783, section 3.2).
import type { Config } from "../config/index.ts";
import type { UpdateRequest, UpdateResult } from "../engine/engine.ts";
import { createRandom } from "../random.ts";
import { gradientStep } from "./gradient-step.ts";
import type { EncodedPrompt } from "./sample.ts";
import type { Group, Sequence, StepContext } from "./step-context.ts";
import { packRows } from "./token-rows.ts";

/** Trained sequences that share a prompt. */
interface Bundle {
  prompt: EncodedPrompt;
  sequences: Sequence[];
}

function bundles(groups: Group[]): Bundle[] {
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

/** The arrays of one gradient step, or null when no sequence has a gradient: then there is nothing to learn. */
export function packUpdate(batch: Bundle[], { update, generation }: Pick<Config, "update" | "generation">) {
  const { aggregation, aggregationLength, kl, entropyBonus, importanceCap } = update;
  const all = batch.flatMap(({ sequences }) => sequences);
  const tokens = all.reduce((sum, sequence) => sum + lengthOf(sequence), 0);
  const constant = aggregationLength > 0 ? aggregationLength : Math.max(generation.maxTokens.propose, generation.maxTokens.solve);
  const divisors = { sequence: (sequence: Sequence) => all.length * lengthOf(sequence), token: () => tokens, constant: () => all.length * constant };
  const divergence = kl.coefficient > 0 && kl.in === "loss";
  // Without an advantage a sequence has no surrogate: it counts in the mean, but need not be computed for it.
  const learns = ({ advantage, advantages }: Sequence) => divergence || entropyBonus > 0 || (advantages?.some((one) => one !== 0) ?? advantage !== 0);
  const kept = batch
    .map(({ prompt, sequences }) => ({ prompt, sequences: sequences.filter(learns) }))
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

/** Runs the step's gradient steps, one a minibatch; a minibatch without any gradient is left out. Rejects as Engine.update does. */
export async function trainOn(context: StepContext, groups: Group[]): Promise<UpdateResult[]> {
  const { config, engine, signal, step, timings, clock } = context;
  const { clip, minibatches, entropyBonus } = config.update;
  const ordered = bundles(groups);
  const mixed = minibatches === 1 ? ordered : createRandom(config.seed, step, "minibatches").shuffle(ordered);
  const size = Math.ceil(mixed.length / minibatches);
  const results: UpdateResult[] = [];
  const began = clock();
  for (let part = 0; part < minibatches; part++) {
    const packed = packUpdate(mixed.slice(part * size, (part + 1) * size), config);
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
    results.push(await engine.update(request));
  }
  timings.update += clock() - began;
  for (const { loss, gradientNorm, entropy, clipFraction, approximateKl, meanLogProbabilityGap, maxLogProbabilityGap, trainedTokens } of results) {
    const figures = { loss, gradientNorm, entropy, clipFraction, approximateKl, meanLogProbabilityGap, maxLogProbabilityGap, trainedTokens };
    context.emit({ type: "update-end", ...figures });
  }
  return results;
}
