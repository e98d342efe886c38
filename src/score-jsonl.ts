// Scores given tokens or texts: the library call behind `azr score`. Lines go to the engine in batches and come back in order.

import { z } from "zod";
import type { TextCodec } from "./curriculum/sample.ts";
import { cutRows, packRows } from "./curriculum/token-rows.ts";
import type { Engine } from "./engine/engine.ts";
import { readJsonlAs } from "./jsonl.ts";
import type { JsonlSource } from "./jsonl.ts";
import { openModel } from "./open-model.ts";
import type { OpenModelOptions } from "./open-model.ts";

export interface ScoreAnswer {
  id: string | number;
  /** Of a text: its ids; of a response: those of the response. */
  tokens?: number[];
  /** log p of each token but the first given all before, nats; of a response, of each of its tokens. */
  logprobs: number[];
}

export interface ScoreJsonlOptions extends OpenModelOptions {
  /** Lines `{"id", "tokens": [ids]}`, `{"id", "text"}` or `{"id", "prompt", "response"}`, at least two tokens each. */
  source: JsonlSource;
  onAnswer(answer: ScoreAnswer): void | Promise<void>;
  onBadLine(bad: { line: number; error: string }): void | Promise<void>;
  signal?: AbortSignal;
}

/** Tokens that go to the engine at once, about. */
const batchTokens = 16_384;

/** Opens the model, scores every good line and tells of every bad one. Rejects with what `openModel` and the engine throw. */
export async function scoreJsonl(options: ScoreJsonlOptions): Promise<{ answered: number; badLines: number }> {
  await using model = await openModel(options);
  const { engine, tokenizer } = model;
  const { vocabularySize, maxPositions } = engine.shape;
  const request = z
    .strictObject({
      id: z.union([z.string(), z.number()]),
      tokens: z.array(z.int().min(0).max(vocabularySize - 1)).optional(),
      text: z.string().optional(),
      prompt: z.string().optional(),
      response: z.string().optional(),
    })
    .refine(({ tokens, text, prompt, response }) => [tokens, text, prompt ?? response].filter((part) => part !== undefined).length === 1, 'give "tokens", "text", or "prompt" and "response"')
    .refine(({ prompt, response }) => (prompt === undefined) === (response === undefined), '"prompt" and "response" belong together');
  const counts = { answered: 0, badLines: 0 };
  let batch: Sequence[] = [];
  let tokens = 0;
  const flush = async (): Promise<void> => {
    for (const answer of await scoreBatch(engine, batch, options.signal)) {
      counts.answered += 1;
      await options.onAnswer(answer);
    }
    batch = [];
    tokens = 0;
  };
  for await (const item of readJsonlAs(options.source, request)) {
    const sequence = item.error === undefined ? sequenceOf(item.value, tokenizer) : undefined;
    const error = sequence === undefined ? item.error : faultOf(sequence, maxPositions);
    if (sequence === undefined || error !== undefined) {
      counts.badLines += 1;
      await options.onBadLine({ line: item.line, error: error! });
      continue;
    }
    batch.push(sequence);
    tokens += sequence.tokens.length;
    if (tokens >= batchTokens) await flush();
  }
  await flush();
  return counts;
}

interface Sequence {
  id: string | number;
  tokens: ArrayLike<number>;
  /** The first token that is answered for; absent for ids, which are not told again. */
  from?: number;
}

interface Line {
  id: string | number;
  tokens?: number[] | undefined;
  text?: string | undefined;
  prompt?: string | undefined;
  response?: string | undefined;
}

/** The ids of a line. Those of a prompt are the ones that the sampler is given: what follows does not change them. */
function sequenceOf({ id, tokens, text, prompt = "", response }: Line, { encode }: Pick<TextCodec, "encode">): Sequence {
  if (tokens !== undefined) return { id, tokens };
  if (text !== undefined) return { id, tokens: encode(text, { begin: true }), from: 0 };
  const before = Array.from(encode(prompt, { begin: true }));
  const whole = Array.from(encode(prompt + response!, { begin: true }));
  const together = whole.length >= before.length && before.every((token, index) => token === whole[index]);
  return { id, tokens: together ? whole : [...before, ...Array.from(encode(response!))], from: before.length };
}

function faultOf({ tokens, from = 0 }: Sequence, most: number): string | undefined {
  if (tokens.length < 2) return "needs at least two tokens: the first has nothing before it";
  if (from === tokens.length) return "the response has no tokens";
  return tokens.length > most ? `${tokens.length} tokens, more than the ${most} that the model takes` : undefined;
}

async function scoreBatch(engine: Engine, batch: Sequence[], signal?: AbortSignal): Promise<ScoreAnswer[]> {
  if (batch.length === 0) return [];
  const sequences = packRows(batch.map(({ tokens }) => tokens));
  const { logProbabilities } = await engine.score({ sequences, ...(signal === undefined ? {} : { signal }) });
  const rows = cutRows(logProbabilities, sequences.lengths.map((length) => length - 1));
  return batch.map(({ id, tokens, from }, index) => {
    const logprobs = [...rows[index]!].slice(Math.max(0, (from ?? 0) - 1));
    return from === undefined ? { id, logprobs } : { id, tokens: Array.from(tokens).slice(from), logprobs };
  });
}
