// The batch of fixtures/algorithms.json (made by test/truth/make_algorithm_truth.py) as the sequences that an update is packed from.
import { readFileSync } from "node:fs";
import { type AlgorithmName, resolveConfig } from "../../../src/config/index.ts";
import { tokenAdvantages } from "../../../src/curriculum/advantage.ts";
import { klPenalties } from "../../../src/curriculum/compare-models.ts";
import type { Sequence } from "../../../src/curriculum/step-context.ts";

interface Row {
  group: string;
  task: string | null;
  reward: number;
  /** log p now - log p old, and log p reference - log p now, of each token. */
  logRatios: number[];
  referenceGaps: number[];
}

interface Expected {
  /** [sequences][tokens] */
  advantages: number[][];
  /** [sequences], of each token. */
  weights: number[];
  loss: number;
  withKl: { advantages: number[][]; loss: number };
}

export const table = JSON.parse(readFileSync(new URL("../fixtures/algorithms.json", import.meta.url), "utf8")) as {
  klCoefficient: number;
  longest: number;
  sequences: Row[];
  algorithms: Record<AlgorithmName, Expected>;
};

export const configOf = (algorithm: AlgorithmName, coefficient = 0) =>
  resolveConfig({ argument: { algorithm, update: { kl: { coefficient } }, generation: { maxTokens: { propose: 4, solve: table.longest } } } }).config;

/** The table's sequences, each with a prompt of its own, whose tokens have the probabilities `now` for the model: [sequences][tokens]. */
export function sequencesOf(now: number[][], config: ReturnType<typeof configOf>): Sequence[] {
  const sequences = table.sequences.map(({ logRatios, referenceGaps, reward }, at): Sequence => ({
    id: `p-0-x-${at}`,
    prompt: { text: "", prefill: "", tokens: [1 + at] },
    completion: {
      tokens: Int32Array.from(logRatios, (_, token) => 1 + ((7 * at + 3 * token) % 30)),
      logProbabilities: Float32Array.from(logRatios, (ratio, token) => now[at]![token]! - ratio),
      text: "",
      stopped: true,
      parity: true,
    },
    task: undefined, index: at, outcome: "", detail: "", reward, advantage: 0, trained: true,
    ...(config.update.kl.coefficient > 0 ? { reference: Float32Array.from(referenceGaps, (gap, token) => now[at]![token]! + gap) } : {}),
  }));
  const inReward = config.update.kl.coefficient > 0 && config.update.kl.in === "reward";
  const values = tokenAdvantages(
    table.sequences.map(({ group, task, reward, logRatios }, at) => ({
      group, reward, tokens: logRatios.length, ...(task === null ? {} : { task }), ...(inReward ? { penalties: klPenalties(sequences[at]!, config.update.kl) } : {}),
    })),
    config.update.advantage,
  );
  return sequences.map((sequence, at) => ({ ...sequence, advantage: values[at]![0]!, ...(inReward ? { advantages: values[at]! } : {}) }));
}

export const bundlesOf = (sequences: Sequence[]) => sequences.map((sequence) => ({ prompt: sequence.prompt, sequences: [sequence] }));
