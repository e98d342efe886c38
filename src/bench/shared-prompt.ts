// What sharing a prompt saves: samples of one prompt in one call, beside as many requests with prompts of their own, in one call and one after
// another. Whole calls count, because the prompts' computation is what differs. Part of bench-decode.ts.
import type { Engine, GenerateRequest } from "../engine/engine.ts";
import { spread, type Spread } from "./spread.ts";

export interface SharedPromptComparison {
  samples: number;
  promptTokens: number;
  /** New tokens a sample. */
  newTokens: number;
  /** New tokens a second of one call that samples one prompt `samples` times, the prompt's computation included. */
  shared: Spread;
  /** Of one call with `samples` prompts that differ. */
  together: Spread;
  /** Of `samples` calls, one after another, each with a prompt of its own. */
  oneByOne: Spread;
  /** How many times as fast sharing is: medians of the rounds' ratios. */
  timesTogether: Spread;
  timesOneByOne: Spread;
}

export interface SharedPromptOptions {
  samples: number;
  promptTokens: number;
  newTokens: number;
  rounds: number;
  signal: AbortSignal | undefined;
}

/** Prompts of token ids drawn by a fixed rule: what they are does not matter, that they differ does. `first`: the number of the first prompt. */
export function fixedPrompts(count: number, length: number, vocabulary: number, first = 0): GenerateRequest["prompts"] {
  const tokens = Int32Array.from({ length: count * length }, (_, at) => ((first * length + at) * 7919 + 13) % Math.max(2, vocabulary - 1));
  return { tokens, lengths: new Int32Array(count).fill(length) };
}

/** Measures the three in turn, `rounds` times. The machine should be idle. */
export async function compareSharedPrompt(engine: Engine, { samples, promptTokens, newTokens, rounds, signal }: SharedPromptOptions): Promise<SharedPromptComparison> {
  const { vocabularySize } = engine.shape;
  const call = (count: number, first: number, samplesOfEach: number) =>
    engine.generate({
      prompts: fixedPrompts(count, promptTokens, vocabularySize, first),
      samples: samplesOfEach,
      maxTokens: newTokens,
      seed: 1,
      stopTokens: [],
      ...(signal && { signal }),
    });
  const rate = async (work: () => Promise<unknown>): Promise<number> => {
    const began = performance.now();
    await work();
    return (samples * newTokens * 1000) / Math.max(1e-6, performance.now() - began);
  };
  const rates: Record<"shared" | "together" | "oneByOne", number[]> = { shared: [], together: [], oneByOne: [] };
  for (let round = 0; round < rounds; round++) {
    // Prompts that no earlier round computed.
    const first = round * samples;
    rates.shared.push(await rate(() => call(1, first, samples)));
    rates.together.push(await rate(() => call(samples, first, 1)));
    rates.oneByOne.push(
      await rate(async () => {
        for (let prompt = first; prompt < first + samples; prompt++) await call(1, prompt, 1);
      }),
    );
  }
  const times = (others: number[]): Spread => spread(others.map((other, round) => rates.shared[round]! / other));
  return {
    samples,
    promptTokens,
    newTokens,
    shared: spread(rates.shared),
    together: spread(rates.together),
    oneByOne: spread(rates.oneByOne),
    timesTogether: times(rates.together),
    timesOneByOne: times(rates.oneByOne),
  };
}
