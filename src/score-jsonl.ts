// Scores given token sequences: the library call behind `azr score`. Lines go to the engine in batches and come back in order.

import { z } from "zod";
import { cutRows, packRows } from "./curriculum/token-rows.ts";
import type { Engine } from "./engine/engine.ts";
import { readJsonlAs } from "./jsonl.ts";
import type { JsonlSource } from "./jsonl.ts";
import { openModel } from "./open-model.ts";
import type { OpenModelOptions } from "./open-model.ts";

export interface ScoreAnswer {
  id: string | number;
  /** log p of tokens[1], tokens[2] ... given all before, nats. */
  logprobs: number[];
}

export interface ScoreJsonlOptions extends OpenModelOptions {
  /** Lines `{"id", "tokens": [ids]}`, at least two tokens each. */
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
  const { engine } = model;
  const request = z.strictObject({
    id: z.union([z.string(), z.number()]),
    tokens: z
      .array(z.int().min(0).max(engine.shape.vocabularySize - 1))
      .min(2, "needs at least two tokens: the first has nothing before it")
      .max(engine.shape.maxPositions),
  });
  const counts = { answered: 0, badLines: 0 };
  let batch: z.infer<typeof request>[] = [];
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
    if (item.error !== undefined) {
      counts.badLines += 1;
      await options.onBadLine({ line: item.line, error: item.error });
      continue;
    }
    batch.push(item.value);
    tokens += item.value.tokens.length;
    if (tokens >= batchTokens) await flush();
  }
  await flush();
  return counts;
}

async function scoreBatch(engine: Engine, batch: { id: string | number; tokens: number[] }[], signal?: AbortSignal): Promise<ScoreAnswer[]> {
  if (batch.length === 0) return [];
  const sequences = packRows(batch.map(({ tokens }) => tokens));
  const { logProbabilities } = await engine.score({ sequences, ...(signal === undefined ? {} : { signal }) });
  const rows = cutRows(logProbabilities, sequences.lengths.map((length) => length - 1));
  return batch.map(({ id }, index) => ({ id, logprobs: [...rows[index]!] }));
}
