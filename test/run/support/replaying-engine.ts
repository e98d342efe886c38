// An engine that, after a recorded step, does that step's work again and again whatever it is asked: the same prompts, the same random numbers, the same
// update at a learning rate of 0. Its answers are then those of the recorded step, which is checked, so every step that follows is of equal work.
import type { Engine, GenerateRequest, GenerateResult, UpdateRequest } from "../../../src/engine/engine.ts";

export interface ReplayingEngine {
  engine: Engine;
  beginStep(step: number): void;
}

interface Sampled {
  request: GenerateRequest;
  result: GenerateResult;
}

const same = (left: ArrayLike<number>, right: ArrayLike<number>): boolean => left.length === right.length && Array.prototype.every.call(left, (value, index) => value === right[index]);

export function replayingEngine(real: Engine, { recordedStep }: { recordedStep: number }): ReplayingEngine {
  const sampled: Sampled[] = [];
  const updates: UpdateRequest[] = [];
  let step = 0;
  let generation = 0;
  let gradient = 0;
  const still = (request: UpdateRequest): UpdateRequest => ({ ...request, optimizer: { ...request.optimizer, learningRate: 0, weightDecay: 0 } });

  async function generate({ signal, ...asked }: GenerateRequest): Promise<GenerateResult> {
    if (step < recordedStep) return real.generate({ ...asked, ...(signal && { signal }) });
    if (step === recordedStep) {
      const place = sampled.push({ request: asked, result: undefined as unknown as GenerateResult }) - 1;
      return (sampled[place]!.result = await real.generate({ ...asked, ...(signal && { signal }) }));
    }
    const { request, result } = sampled[generation++] ?? {};
    if (request === undefined || request.prompts.lengths.length !== asked.prompts.lengths.length || request.samples !== asked.samples || request.maxTokens !== asked.maxTokens) {
      throw new Error(`step ${step} asks for other work than the recorded one (request ${generation})`);
    }
    const again = await real.generate({ ...request, ...(signal && { signal }) });
    if (!same(again.completions.tokens, result!.completions.tokens)) throw new Error(`step ${step} did not sample what the recorded one did (request ${generation})`);
    return again;
  }
  async function update({ signal, ...asked }: UpdateRequest) {
    // From the recorded step on the weights stay.
    if (step === recordedStep) updates.push(asked);
    const request = step <= recordedStep ? asked : updates[gradient++];
    if (request === undefined) throw new Error(`step ${step} asks for more updates than the recorded one`);
    return real.update({ ...(step < recordedStep ? request : still(request)), ...(signal && { signal }) });
  }
  return {
    engine: { ...real, generate, update },
    beginStep(now) {
      step = now;
      generation = 0;
      gradient = 0;
    },
  };
}
