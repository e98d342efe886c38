// Samples texts from a model: the library call behind `azr generate`. Prompts are taken as they are, after the begin token where the model's
// family has one: special tokens written in them count as such, so the prompts of a format can be tried by hand. In messages of a chat they do not.

import { packRows } from "./curriculum/token-rows.ts";
import { requireInteger, requireRequest, requireTexts } from "./engine/arguments.ts";
import type { GenerateRequest } from "./engine/engine.ts";
import { encodeChat } from "./engine/chat-prompt.ts";
import { loadChatTemplate } from "./engine/chat-template.ts";
import { readingHeadsOnce } from "./engine/gguf-heads.ts";
import { AzrError } from "./errors.ts";
import { followText } from "./follow-text.ts";
import { openModel, resolveModel } from "./open-model.ts";
import type { OpenModelOptions } from "./open-model.ts";

export interface GenerateTextOptions extends OpenModelOptions {
  prompts: string[];
  /** Takes each prompt as a user's message, written by the model's chat template. */
  chat?: boolean;
  /** With `chat`: the message of the system before each prompt. */
  system?: string;
  /** Completions a prompt. Default 1. */
  samples?: number;
  /** Default 1; 0 is greedy. */
  temperature?: number;
  topP?: number;
  topK?: number;
  minP?: number;
  repetitionPenalty?: number;
  /** Most tokens a completion. Default 128. */
  maxTokens?: number;
  minTokens?: number;
  /** A completion ends before the first of these texts. It is sampled a little further than it is given: tokens and log-probabilities end where the text does. */
  stop?: string[];
  seed?: number;
  /** Receives pieces of text as they are sampled, each whole characters: of completion `sample` of prompt `prompt`. */
  onText?(piece: { prompt: number; sample: number; text: string }): void;
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
  /** Whether training computes these log-probabilities bit for bit (`azr score` adds up in another order: GenerateResult.parity). */
  parity: boolean;
}

/** One entry a prompt, in order. Throws AZR_INPUT_INVALID for a prompt without tokens or a model without a chat template, and what `openModel` throws. */
export async function generateText(options: GenerateTextOptions): Promise<GeneratedPrompt[]> {
  const { chat = false, system, samples = 1, signal } = requireRequest(options);
  const [prompts, stop] = [requireTexts("prompts", options.prompts), requireTexts("stop", options.stop ?? [])];
  const rows = prompts.length * requireInteger("samples", samples, 1);
  // The engine's bound, before anything is made for each.
  if (rows > 2 ** 20) throw new AzrError("AZR_INPUT_INVALID", `${prompts.length} prompts with ${samples} samples each are more than 2^20 completions.`, { hint: "Ask for them in several calls." });
  if (stop.some((text) => text === "")) throw new AzrError("AZR_INPUT_INVALID", "A text to stop at is empty.", { hint: "Leave it out." });
  const watch = { ...(signal && { signal }), ...(options.onProgress && { onProgress: options.onProgress }) };
  const opened = await readingHeadsOnce(async () => ({
    template: chat ? loadChatTemplate((await resolveModel(options.model, watch)).tokenizer) : undefined,
    model: await openModel(options),
  }));
  const { template } = opened;
  await using model = opened.model;
  const { engine, tokenizer, stopTokens } = model;
  const before = system === undefined ? [] : [{ role: "system", content: system }];
  const encoded = prompts.map((prompt) => (template ? encodeChat(template, tokenizer, [...before, { role: "user", content: prompt }]) : tokenizer.encode(prompt, { begin: true })));
  for (const [index, ids] of encoded.entries()) {
    if (ids.length > 0) continue;
    throw new AzrError("AZR_INPUT_INVALID", `Prompt ${index + 1} has no tokens.`, { hint: "Give a prompt that is not empty." });
  }
  const most = options.maxTokens ?? 128;
  const longest = Math.max(0, ...encoded.map((ids) => ids.length));
  if (longest + most > engine.shape.maxPositions) {
    throw new AzrError("AZR_INPUT_INVALID", `A prompt of ${longest} tokens and ${most} more are more than the ${engine.shape.maxPositions} that the model takes.`, {
      hint: longest < engine.shape.maxPositions ? `Sample at most ${engine.shape.maxPositions - longest} tokens (--max-tokens), or shorten the prompt.` : "Shorten the prompt.",
    });
  }
  const followers = Array.from({ length: rows }, (_, row) => followText(tokenizer, { stop, stopTokens }, (text) =>
    options.onText?.({ prompt: Math.floor(row / samples), sample: row % samples, text })));
  const finished = new AbortController();
  let open = followers.length;
  const stream = engine.stream({
    ...samplingOf(options),
    prompts: packRows(encoded),
    samples,
    stopTokens,
    signal: signal === undefined ? finished.signal : AbortSignal.any([signal, finished.signal]),
  });
  let parity = true;
  try {
    for (let next = await stream.next(); ; next = await stream.next()) {
      if (next.done) {
        ({ parity } = next.value);
        break;
      }
      const { row, token, logProbability } = next.value;
      if (followers[row]!.push(token, logProbability)) open -= 1;
      // Rows that have met a text to stop at need no more tokens; once all have, none is needed.
      if (open === 0 && stop.length > 0) finished.abort();
    }
  } catch (error) {
    if (open > 0 || signal?.aborted) throw error;
  }
  const completions = followers.map((follower) => follower.end());
  return prompts.map((prompt, index) => ({
    prompt,
    promptTokens: Array.from(encoded[index]!),
    completions: completions.slice(index * samples, (index + 1) * samples),
    parity,
  }));
}

/** What of the options goes to the engine as it is. */
function samplingOf({ temperature, topP, topK, minP, repetitionPenalty, minTokens, maxTokens = 128, seed = 0 }: GenerateTextOptions) {
  const all = { temperature, topP, topK, minP, repetitionPenalty, minTokens, maxTokens, seed };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Pick<GenerateRequest, "maxTokens" | "seed">;
}
