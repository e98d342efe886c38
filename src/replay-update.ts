// Does a gradient step that failed once more, from what the run kept of it (`failures/step-000012/`): whether it fails again, which inputs
// and weights are not finite, and which completions alone make it fail.
import { openSync, readSync, closeSync } from "node:fs";
import { join } from "node:path";
import { cutRows, packRows } from "./curriculum/token-rows.ts";
import type { Engine, UpdateRequest, UpdateResult } from "./engine/engine.ts";
import { readSafetensorsHeader } from "./engine/safetensors.ts";
import { AzrError, type AzrErrorCode } from "./errors.ts";
import { readFailedUpdate } from "./run/failure-folder.ts";
import { type ArrayReport, countNotFinite, joinRequest, partRequest, reportArrays, type RequestArray } from "./run/request-arrays.ts";

export type { ArrayReport } from "./run/request-arrays.ts";

export interface ReplayOptions {
  /** Threads of the engine; by default those of the run. */
  threads?: number;
  /** An engine to use in place of one on the run's model; its weights are replaced. */
  engine?: Engine;
  signal?: AbortSignal;
}

export interface ReplayReport {
  step: number;
  /** How the run failed. */
  failure: { code: AzrErrorCode; message: string };
  /** How it failed now; null when it did not. */
  again: { code: AzrErrorCode; message: string } | null;
  /** What the step gave, when it did not fail. */
  result: UpdateResult | null;
  prompts: number;
  completions: number;
  tokens: number;
  /** Arrays of the request. */
  inputs: ArrayReport[];
  /** Weights with values that are not finite. */
  weights: ArrayReport[];
  /** Completions that fail alone (at most 20), when the weights are sound. */
  culprits: { completion: number; prompt: number; tokens: number }[];
}

const mostCulprits = 20;
const sum = (values: Int32Array): number => values.reduce((total, value) => total + value, 0);

/** Weights (or adapters) of a file with values that are not finite; read in pieces. */
function badWeights(path: string): ArrayReport[] {
  const { tensors } = readSafetensorsHeader(path, { checkpoint: true });
  const descriptor = openSync(path, "r");
  try {
    const piece = Buffer.alloc(1 << 22);
    return tensors.flatMap(({ name, dtype, begin, end }) => {
      let bad = 0;
      for (let at = begin; dtype === "F32" && at < end; ) {
        const read = readSync(descriptor, piece, 0, Math.min(piece.length, end - at), at);
        if (read <= 0) break;
        bad += countNotFinite(new Float32Array(piece.buffer, piece.byteOffset, Math.floor(read / 4)));
        at += read;
      }
      return bad === 0 ? [] : [{ name, count: (end - begin) / 4, notFinite: bad }];
    });
  } finally {
    closeSync(descriptor);
  }
}

/** The part of a request that trains these completions. */
export function selectCompletions(request: UpdateRequest, chosen: readonly number[]): UpdateRequest {
  const { completions, completionPrompt, prompts } = request;
  const owners = [...new Set(chosen.map((index) => completionPrompt[index]!))];
  const pick = <Rows extends RequestArray>(rows: Rows[], indices: readonly number[]) => indices.map((index) => rows[index]!);
  const { arrays, rest } = partRequest(request);
  const perToken = arrays.flatMap(([name, values]): typeof arrays => {
    if (!(values instanceof Float32Array) || values.length !== completions.tokens.length) return [[name, values]];
    return [[name, Float32Array.from(pick(cutRows(values, completions.lengths), chosen).flatMap((row) => [...row]))]];
  });
  return {
    ...joinRequest({ arrays: perToken, rest }),
    prompts: packRows(pick(cutRows(prompts.tokens, prompts.lengths), owners)),
    completions: packRows(pick(cutRows(completions.tokens, completions.lengths), chosen)),
    completionPrompt: Int32Array.from(chosen, (index) => owners.indexOf(completionPrompt[index]!)),
  };
}

const told = ({ code, message }: AzrError) => ({ code, message });

/**
 * Replays the failed update in a folder below `failures` of a run. Changes nothing on the disk.
 * @throws AzrError AZR_INPUT_INVALID, AZR_MODEL_FORMAT, AZR_CHECKPOINT_CORRUPT, and what openEngine throws
 */
export async function replayUpdate(folder: string, { threads, engine: given, signal }: ReplayOptions = {}): Promise<ReplayReport> {
  const { request, step, code, message, model, engine: held } = await readFailedUpdate(folder);
  const engine = given ?? (await open());
  async function open(): Promise<Engine> {
    const { openEngine } = await import("./engine/open.ts");
    // Only its shape is taken from the model, but under adapters its weights.
    const start = held.lora ? { lora: held.lora } : { initialize: { seed: 0 } };
    return openEngine({ model, weights: held.weights, trainable: true, threads: threads ?? held.threads, ...start, ...(signal && { signal }) });
  }
  async function attempt(part: UpdateRequest): Promise<UpdateResult | AzrError> {
    const bad = reportArrays(part).filter((input) => input.notFinite > 0);
    // The engine would call these malformed, and not say more.
    if (bad.length > 0) return new AzrError("AZR_NUMERICS", `The update is given values that are not finite in ${bad.map(({ name }) => name).join(", ")}`);
    try {
      return await engine.update({ ...part, ...(signal && { signal }) });
    } catch (error) {
      if (AzrError.isInstance(error) && ["AZR_NUMERICS", "AZR_PARITY"].includes(error.code)) return error;
      throw error;
    }
  }
  // Nothing may move the weights between the tries.
  const still = { ...request, optimizer: { ...request.optimizer, learningRate: 0, weightDecay: 0 } };
  async function search(indices: number[], found: number[]): Promise<void> {
    if (found.length >= mostCulprits || !AzrError.isInstance(await attempt(selectCompletions(still, indices)))) return;
    if (indices.length === 1) return void found.push(indices[0]!);
    const half = Math.ceil(indices.length / 2);
    await search(indices.slice(0, half), found);
    await search(indices.slice(half), found);
  }
  try {
    const weights = badWeights(join(folder, held.lora ? "adapter_model.safetensors" : "model.safetensors"));
    const culprits: number[] = [];
    const all = Array.from(request.completions.lengths, (_, index) => index);
    // The engine loads no weights that are not finite: nothing is left to try.
    const sound = weights.length === 0;
    if (sound) await engine.load(folder, { optimizer: true });
    const outcome = sound ? await attempt(request) : new AzrError("AZR_NUMERICS", `The weights are not finite in ${weights.map(({ name }) => name).join(", ")}`);
    const failed = AzrError.isInstance(outcome);
    if (failed && sound) await search(all, culprits);
    return {
      step,
      failure: { code, message },
      again: failed ? told(outcome) : null,
      result: failed ? null : outcome,
      prompts: request.prompts.lengths.length,
      completions: all.length,
      tokens: sum(request.completions.lengths),
      inputs: reportArrays(request),
      weights,
      culprits: culprits.map((completion) => ({ completion, prompt: request.completionPrompt[completion]!, tokens: request.completions.lengths[completion]! })),
    };
  } finally {
    if (given === undefined) await engine.dispose();
  }
}
