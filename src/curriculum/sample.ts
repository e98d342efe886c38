// Sampling for the loop: prompts of one role and kind go to the engine as one batch and come back as completions with their
// text, token ids and log-probabilities. step-propose.ts and step-solve.ts call it; update-batch.ts trains on what it returns.
import type { Engine } from "../engine/engine.ts";
import type { Role } from "../events.ts";
import { derive } from "../random.ts";
import type { Prompt } from "./format.ts";
import type { Stretch } from "./template.ts";
import { cutRows, packRows } from "./token-rows.ts";

/** Text to token ids and back; the tokenizer of the model. */
export interface TextCodec {
  /**
   * With `begin`, as the model's prompts begin: with a begin token, where its family has one. What stands in the stretches of `literal` is text,
   * even where it spells a special token.
   */
  encode(text: string, options?: { begin?: boolean; literal?: readonly Stretch[] }): ArrayLike<number>;
  decode(tokens: ArrayLike<number>): string;
}

/** A prompt with its token ids. */
export interface EncodedPrompt extends Prompt {
  tokens: ArrayLike<number>;
}

export interface Completion {
  tokens: Int32Array;
  /** log p of each token when it was sampled. */
  logProbabilities: Float32Array;
  /** Decoded, special tokens as text. */
  text: string;
  /** False when the length limit cut it off. */
  stopped: boolean;
  /** Whether the trainer computes the same log-probabilities before the step's first update: the sampler had its weights, as it holds them. */
  parity: boolean;
}

export interface SampleRequest {
  engine: Engine;
  codec: TextCodec;
  prompts: EncodedPrompt[];
  /** Completions a prompt. */
  samples: number;
  maxTokens: number;
  temperature: number;
  topP: number;
  seed: number;
  stopTokens: number[];
  signal?: AbortSignal;
}

/** Seed of the request that samples the completions of a role and kind in a step; the labels name the random stream. */
export function sampleSeed(seed: number, step: number, { role, labels, kind }: { role: Role; labels: readonly (string | number)[]; kind: string }): number {
  return derive(seed, step, ...labels, kind, ...(role === "propose" ? ["sample"] : []));
}

/** A program that spells a special token, such as <|im_end|>, must not change what a prompt is to the model: only the template's own are tokens. */
export function encodePrompt(codec: TextCodec, prompt: Prompt): EncodedPrompt {
  return { ...prompt, tokens: codec.encode(prompt.text, { begin: true, literal: prompt.literal ?? [] }) };
}

/** One list of completions a prompt, in the order of the prompts. Rejects as Engine.generate does. */
export async function sampleCompletions(request: SampleRequest): Promise<Completion[][]> {
  const { engine, codec, prompts, samples, maxTokens, temperature, topP, seed, stopTokens, signal } = request;
  if (prompts.length === 0) return [];
  const { completions, logProbabilities, stopped, parity } = await engine.generate({
    prompts: packRows(prompts.map(({ tokens }) => tokens)),
    samples,
    maxTokens,
    temperature,
    topP,
    seed,
    stopTokens,
    ...(signal === undefined ? {} : { signal }),
  });
  const tokens = cutRows(completions.tokens, completions.lengths);
  const scores = cutRows(logProbabilities, completions.lengths);
  return prompts.map((_, prompt) =>
    Array.from({ length: samples }, (_, sample) => {
      const row = prompt * samples + sample;
      return { tokens: tokens[row]!, logProbabilities: scores[row]!, text: codec.decode(tokens[row]!), stopped: stopped[row] === 1, parity };
    }),
  );
}
