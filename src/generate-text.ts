// Samples texts from a model: the library call behind `azr generate`. Prompts are taken as they are, after the begin token where the model's
// family has one, or as messages of a chat; special tokens written in them count as such, so the prompts of a format can be tried by hand.

import { cutRows, packRows } from "./curriculum/token-rows.ts";
import { loadChatTemplate } from "./engine/chat-template.ts";
import { AzrError } from "./errors.ts";
import { openModel, resolveModel } from "./open-model.ts";
import type { OpenModelOptions } from "./open-model.ts";

export interface GenerateTextOptions extends OpenModelOptions {
  prompts: string[];
  /** Takes each prompt as a user's message, written by the model's chat template. */
  chat?: boolean;
  /** Completions a prompt. Default 1. */
  samples?: number;
  /** Default 1; 0 is greedy. */
  temperature?: number;
  topP?: number;
  topK?: number;
  /** Most tokens a completion. Default 128. */
  maxTokens?: number;
  seed?: number;
  signal?: AbortSignal;
}

export interface GeneratedText {
  text: string;
  /** Ids of the completion, the stop token included when it was reached. */
  tokens: number[];
  /** log p of each token at temperature 1 under the untruncated model, nats. */
  logprobs: number[];
  finish: "stop" | "length";
}

export interface GeneratedPrompt {
  prompt: string;
  promptTokens: number[];
  completions: GeneratedText[];
  /** Whether `azr score` gives these log-probabilities bit for bit. */
  parity: boolean;
}

/** One entry a prompt, in order. Throws AZR_INPUT_INVALID for a prompt without tokens or a model without a chat template, and what `openModel` throws. */
export async function generateText(options: GenerateTextOptions): Promise<GeneratedPrompt[]> {
  const { prompts, chat = false, samples = 1, temperature = 1, topP, topK, maxTokens = 128, seed = 0, signal } = options;
  const template = chat ? loadChatTemplate((await resolveModel(options.model, options)).tokenizer) : undefined;
  await using model = await openModel(options);
  const { engine, tokenizer, stopTokens } = model;
  const encoded = prompts.map((prompt) => (template ? tokenizer.encode(template([{ role: "user", content: prompt }])) : tokenizer.encode(prompt, { begin: true })));
  for (const [index, ids] of encoded.entries()) {
    if (ids.length > 0) continue;
    throw new AzrError("AZR_INPUT_INVALID", `Prompt ${index + 1} has no tokens.`, { hint: "Give a prompt that is not empty." });
  }
  const result = await engine.generate({
    prompts: packRows(encoded),
    samples,
    maxTokens,
    temperature,
    seed,
    stopTokens,
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...(signal === undefined ? {} : { signal }),
  });
  const { tokens, lengths } = result.completions;
  const logprobs = cutRows(result.logProbabilities, lengths);
  const completions = cutRows(tokens, lengths).map((row, index): GeneratedText => {
    const stopped = result.stopped[index] === 1;
    return {
      text: tokenizer.decode(stopped ? row.subarray(0, -1) : row),
      tokens: [...row],
      logprobs: [...logprobs[index]!],
      finish: stopped ? "stop" : "length",
    };
  });
  return prompts.map((prompt, index) => ({
    prompt,
    promptTokens: Array.from(encoded[index]!),
    completions: completions.slice(index * samples, (index + 1) * samples),
    parity: result.parity,
  }));
}
