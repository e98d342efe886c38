// What the trained completions are worth to other models than the one that sampled them: to a frozen reference, for the divergence of `update.kl`,
// and to the trainer, where the sampler's log-probabilities are not its own (GenerateResult.parity). score-groups.ts asks before the advantages.
import type { KlEstimator, Scorer } from "../engine/engine.ts";
import { AzrError } from "../errors.ts";
import type { Group, Sequence, StepContext } from "./step-context.ts";
import { packRows } from "./token-rows.ts";

/** log p of each completion's tokens by a model as it is now. */
async function scores(model: Scorer, sequences: readonly Sequence[], signal: AbortSignal): Promise<Float32Array[]> {
  if (sequences.length === 0) return [];
  const rows = sequences.map(({ prompt, completion }) => [...Array.from(prompt.tokens), ...completion.tokens]);
  const { logProbabilities } = await model.score({ sequences: packRows(rows), signal });
  let end = 0;
  return sequences.map(({ completion }, at) => {
    end += rows[at]!.length - 1;
    return logProbabilities.slice(end - completion.tokens.length, end);
  });
}

/** The estimate of KL(policy || reference) from one sampled token, d = log reference - log policy (Schulman 2020, "Approximating KL divergence"). */
export function klEstimate(estimator: KlEstimator, d: number): number {
  return estimator === "k1" ? -d : estimator === "k2" ? (d * d) / 2 : Math.expm1(d) - d;
}

/** Fills in `old` and `reference` of the sequences that are trained, where the settings ask for them. Rejects as Engine.score does. */
export async function compareModels({ config, engine, reference, signal, timings, clock }: StepContext, groups: readonly Group[]): Promise<void> {
  const { importanceCap, kl } = config.update;
  const began = clock();
  const trained = groups.flatMap(({ sequences }) => sequences).filter((sequence) => sequence.trained && sequence.completion.tokens.length > 0);
  const foreign = importanceCap > 0 ? trained.filter(({ completion }) => !completion.parity) : [];
  (await scores(engine, foreign, signal)).forEach((values, at) => (foreign[at]!.old = values));
  if (kl.coefficient > 0) {
    if (reference === undefined) throw new AzrError("AZR_INTERNAL", "update.kl has a coefficient but no reference model was opened");
    (await scores(reference, trained, signal)).forEach((values, at) => (trained[at]!.reference = values));
  }
  timings.update += clock() - began;
}

/** The divergence of each token, as it was sampled. */
export function divergences(sequence: Sequence, estimator: KlEstimator): Float64Array {
  const policy = sequence.old ?? sequence.completion.logProbabilities;
  return Float64Array.from(sequence.reference!, (reference, at) => klEstimate(estimator, reference - policy[at]!));
}

/** With the divergence in the reward: what each token's return is less, coefficient times the sum from it to the end (arXiv 2501.03262). */
export function klPenalties(sequence: Sequence, { coefficient, estimator }: { coefficient: number; estimator: KlEstimator }): Float64Array {
  const penalties = divergences(sequence, estimator);
  for (let at = penalties.length - 1, sum = 0; at >= 0; at--) penalties[at] = sum += coefficient * penalties[at]!;
  return penalties;
}
