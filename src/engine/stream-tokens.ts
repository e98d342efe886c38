// Turns a call that reports tokens as they are drawn into an async iterable. Used by open.ts; native code reports, in batches, one a step.
import { requireRequest } from "./arguments.ts";
import type { GenerateRequest, GenerateResult, GeneratedToken } from "./engine.ts";
import type { TokenListener } from "./load-addon.ts";

/**
 * The tokens of a generate call one by one, and its result at the end. The last reports may come after the result: what is missing then is
 * taken from the result itself. Leaving early aborts the call and waits for it.
 */
export async function* streamTokens(
  request: GenerateRequest,
  generate: (request: GenerateRequest, listener: TokenListener) => Promise<GenerateResult>,
): AsyncGenerator<GeneratedToken, GenerateResult, undefined> {
  requireRequest(request);
  const leaving = new AbortController();
  const signal = request.signal === undefined ? leaving.signal : AbortSignal.any([request.signal, leaving.signal]);
  const waiting: GeneratedToken[] = [];
  const told = new Map<number, number>();
  let wake = (): void => undefined;
  let outcome: { result: GenerateResult } | { error: unknown } | undefined;

  const listener: TokenListener = (rows, tokens, logProbabilities) => {
    if (outcome !== undefined) return;
    for (const [at, row] of rows.entries()) {
      waiting.push({ row, token: tokens[at]!, logProbability: logProbabilities[at]! });
      told.set(row, (told.get(row) ?? 0) + 1);
    }
    wake();
  };
  const running = generate({ ...request, signal }, listener).then(
    (result) => {
      outcome = { result };
      waiting.push(...rest(result, told));
      wake();
    },
    (error: unknown) => {
      outcome = { error };
      wake();
    },
  );
  try {
    for (;;) {
      while (waiting.length > 0) yield waiting.shift()!;
      if (outcome !== undefined) break;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    leaving.abort();
    await running;
  }
  if ("error" in outcome) throw outcome.error;
  return outcome.result;
}

function* rest({ completions: { tokens, lengths }, logProbabilities }: GenerateResult, told: Map<number, number>): Generator<GeneratedToken> {
  let first = 0;
  for (const [row, length] of lengths.entries()) {
    for (let at = first + (told.get(row) ?? 0); at < first + length; at++) yield { row, token: tokens[at]!, logProbability: logProbabilities[at]! };
    first += length;
  }
}
