// A tiny model in the real engine, and requests that suit it.

import t, { type Test } from "tap";
import type { AzrErrorCode } from "../../../src/errors.ts";
import type { Engine, GenerateRequest, UpdateRequest } from "../../../src/engine/engine.ts";
import { openEngine } from "../../../src/engine/open.ts";
import { readTruth, writeModelFolder } from "../../truth/model-folder.ts";

/** The folder of a model made anew for this test file. */
export const model = writeModelFolder(t.testdir({}), readTruth("llama-untied"));
/** The name matters: scripts/test.mjs lets a file that says openEngine run alone. */
export const openEngineOn = (folder: string): Promise<Engine> => openEngine({ model: folder, threads: 1 });

export const rows = (...lists: number[][]) => ({ tokens: Int32Array.from(lists.flat()), lengths: Int32Array.from(lists, (list) => list.length) });
export const request: GenerateRequest = { prompts: rows([1, 2, 3], [4], [5, 6]), samples: 4, maxTokens: 20, seed: 9, stopTokens: [7, 8] };
export const optimizer = { learningRate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 };

/** A policy update on what the engine samples from `request`. */
export async function policyRequest(engine: Engine, seed = 9, samples = 4): Promise<UpdateRequest> {
  const { completions, logProbabilities } = await engine.generate({ ...request, seed, samples });
  return {
    prompts: request.prompts,
    completions,
    completionPrompt: completions.lengths.map((_, row) => Math.floor(row / samples)),
    weights: new Float32Array(completions.tokens.length).fill(1 / completions.tokens.length),
    loss: "policy",
    advantages: logProbabilities.map((_, i) => (i % 2 ? 1 : -1)),
    oldLogProbabilities: logProbabilities,
    optimizer,
  };
}

/** That a call fails with an AzrError of this code and message. */
export async function rejects(t: Test, call: () => Promise<unknown>, code: AzrErrorCode, message: RegExp): Promise<void> {
  await t.rejects(call, { name: "AzrError", code, message }, String(message));
}
