// From rows to gradient steps: the order of each epoch, whole rows while they fit a budget of tokens, and the arrays that the engine takes.
// All is a function of the rows, the seed and the settings, so a step's number is all that a resumed run needs.
import { packRows } from "../curriculum/token-rows.ts";
import type { UpdateRequest } from "../engine/engine.ts";
import { createRandom, derive, type Random } from "../random.ts";
import type { SftConfig } from "./config.ts";
import type { FileCounts } from "./dataset.ts";
import { promptLength, type Row, trainedTokens } from "./row.ts";

/** Indices of the rows of one epoch. Of a file of weight 2.25 each row comes twice, and a quarter of them, others in each epoch, once more. */
export function epochOrder(files: readonly Pick<FileCounts, "rows" | "weight">[], { seed, shuffle }: { seed: number; shuffle: boolean }, epoch: number): Int32Array {
  const order: number[] = [];
  let first = 0;
  for (const [index, { rows, weight }] of files.entries()) {
    const whole = Math.floor(weight);
    for (let copy = 0; copy < whole; copy++) for (let row = 0; row < rows; row++) order.push(first + row);
    const part = Math.round(rows * (weight - whole));
    const drawn = createRandom(seed, "sft", "part", index, epoch).sampleIndices(rows, part);
    for (const row of drawn.sort((a, b) => a - b)) order.push(first + row);
    first += rows;
  }
  const shuffled = Int32Array.from(order);
  if (shuffle) shuffleFrom(shuffled, 0, createRandom(seed, "sft", "order", epoch));
  return shuffled;
}

export interface Batch {
  rows: Row[];
  /** How often the data was gone through when this batch is done. */
  epoch: number;
}

export interface BatchPlan {
  rows: readonly Row[];
  files: readonly Pick<FileCounts, "rows" | "weight">[];
  config: Pick<SftConfig, "seed" | "epochs" | "steps"> & { data: { shuffle: boolean }; update: { batchTokens: number } };
  /** Steps that the run went back to (`run.rollBack`): after each, what is left of the epoch comes in another order, and so do those that follow. */
  rollBacks?: readonly number[];
}

function shuffleFrom(order: Int32Array, first: number, random: Random): void {
  for (let at = order.length - 1; at > first; at--) {
    const other = first + random.integer(at - first + 1);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
}

/** The batches of a run in order. One goes on across the end of an epoch, so only the very last is smaller than it could be. */
export function* batchesOf({ rows, files, config, rollBacks = [] }: BatchPlan): Generator<Batch, void, undefined> {
  const { epochs, steps, data, update } = config;
  let { seed } = config;
  let made = 0;
  let batch: Row[] = [];
  let size = 0;
  /** The order from `first` on, after the batches that are made so far. */
  const turn = (order: Int32Array, first: number, epoch: number): void => {
    for (const [index, step] of rollBacks.entries()) {
      if (step !== made) continue;
      seed = derive(config.seed, "roll-back", index + 1);
      shuffleFrom(order, first, createRandom(seed, "sft", "order", epoch));
    }
  };
  for (let epoch = 0; steps > 0 || epoch < epochs; epoch++) {
    const order = epochOrder(files, { seed, shuffle: data.shuffle }, epoch);
    // A file of a small weight may give none in an epoch.
    if (order.length === 0 && epoch > 1000) return;
    const end = steps > 0 ? order.length : Math.round(order.length * Math.min(1, epochs - epoch));
    if (epoch === 0) turn(order, 0, epoch);
    for (let at = 0; at < end; at++) {
      const next = () => rows[order[at]!]!;
      if (batch.length > 0 && size + next().tokens.length > update.batchTokens) {
        yield { rows: batch, epoch: epoch + at / order.length };
        if (++made === steps) return;
        [batch, size] = [[], 0];
        turn(order, at, epoch);
      }
      batch.push(next());
      size += next().tokens.length;
    }
  }
  if (batch.length > 0) yield { rows: batch, epoch: epochs };
}

/** Gradient steps of a run. */
export function countSteps(plan: BatchPlan): number {
  if (plan.config.steps > 0) return plan.config.steps;
  let steps = 0;
  for (const _ of batchesOf(plan)) steps += 1;
  return steps;
}

/** The arrays of an update: the mean of -log p over the trained tokens of the whole batch. Rows with the same prompt share it. */
export function updateArrays(batch: readonly Row[]): Pick<UpdateRequest, "prompts" | "completions" | "completionPrompt" | "weights" | "loss"> {
  const byPrompt = new Map<string, Row[]>();
  for (const row of batch) {
    const prompt = row.tokens.subarray(0, promptLength(row));
    const key = Buffer.from(prompt.buffer, prompt.byteOffset, prompt.byteLength).toString("latin1");
    const group = byPrompt.get(key);
    if (group === undefined) byPrompt.set(key, [row]);
    else group.push(row);
  }
  const groups = [...byPrompt.values()];
  const rows = groups.flat();
  const trained = batch.reduce((sum, row) => sum + trainedTokens(row), 0);
  const completions = packRows(rows.map((row) => row.tokens.subarray(promptLength(row))));
  const weights = new Float32Array(completions.tokens.length);
  let begin = 0;
  for (const row of rows) {
    const shift = begin - promptLength(row);
    for (let at = 0; at < row.trained.length; at += 2) weights.fill(1 / trained, shift + row.trained[at]!, shift + row.trained[at + 1]!);
    begin = shift + row.tokens.length;
  }
  return {
    prompts: packRows(groups.map(([row]) => row!.tokens.subarray(0, promptLength(row!)))),
    completions,
    completionPrompt: Int32Array.from(groups.flatMap((group, index) => group.map(() => index))),
    weights,
    loss: "cross-entropy",
  };
}
