// The gradient step of a step: all groups in one packed batch (or a few, split by prompt), each distinct prompt once. The weights of
// the tokens carry the normalisation: `sequence` gives each completion 1/N and shares it among its tokens, so the loss is the mean
// over sequences of token means (arXiv 2505.03335, equation 9); `token` gives each token 1/(all tokens).
import type { UpdateRequest, UpdateResult } from "../engine/engine.ts";
import { createRandom } from "../random.ts";
import { learningRateAt } from "./learning-rate.ts";
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

/** The arrays of one gradient step, or null when no sequence has an advantage: then there is nothing to learn. */
export function packUpdate(batch: Bundle[], normalise: "sequence" | "token") {
  const all = batch.flatMap(({ sequences }) => sequences);
  const length = ({ completion }: Sequence) => completion.tokens.length;
  const tokens = all.reduce((sum, sequence) => sum + length(sequence), 0);
  // Without an advantage a sequence has no gradient: it counts in the mean, but need not be computed.
  const kept = batch
    .map(({ prompt, sequences }) => ({ prompt, sequences: sequences.filter(({ advantage }) => advantage !== 0) }))
    .filter(({ sequences }) => sequences.length > 0);
  const rows = kept.flatMap(({ sequences }) => sequences);
  if (rows.length === 0) return null;
  const total = rows.reduce((sum, sequence) => sum + length(sequence), 0);
  const weights = new Float32Array(total);
  const advantages = new Float32Array(total);
  const oldLogProbabilities = new Float32Array(total);
  let at = 0;
  for (const sequence of rows) {
    const end = at + length(sequence);
    weights.fill(normalise === "token" ? 1 / tokens : 1 / (all.length * length(sequence)), at, end);
    advantages.fill(sequence.advantage, at, end);
    oldLogProbabilities.set(sequence.completion.logProbabilities, at);
    at = end;
  }
  return {
    prompts: packRows(kept.map(({ prompt }) => prompt.tokens)),
    completions: packRows(rows.map(({ completion }) => completion.tokens)),
    completionPrompt: Int32Array.from(kept.flatMap(({ sequences }, index) => sequences.map(() => index))),
    weights,
    advantages,
    oldLogProbabilities,
  };
}

/** Runs the step's gradient steps, one a minibatch; a minibatch without any advantage is left out. Rejects as Engine.update does. */
export async function trainOn(context: StepContext, groups: Group[]): Promise<UpdateResult[]> {
  const { config, engine, signal, step, timings, clock } = context;
  const { betas, epsilon, weightDecay, clip, clipNorm, minibatches, microBatchTokens, normalise } = config.update;
  const learningRate = learningRateAt(config.update, step, config.steps);
  const ordered = bundles(groups);
  const mixed = minibatches === 1 ? ordered : createRandom(config.seed, step, "minibatches").shuffle(ordered);
  const size = Math.ceil(mixed.length / minibatches);
  const results: UpdateResult[] = [];
  const began = clock();
  for (let part = 0; part < minibatches; part++) {
    const packed = packUpdate(mixed.slice(part * size, (part + 1) * size), normalise);
    if (packed === null) continue;
    const request: UpdateRequest = {
      ...packed,
      loss: "policy",
      clipLow: clip.low,
      clipHigh: clip.high,
      optimizer: { learningRate, beta1: betas[0], beta2: betas[1], epsilon, weightDecay, clipNorm },
      ...(microBatchTokens === 0 ? {} : { microBatchTokens }),
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
