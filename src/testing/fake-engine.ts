// An Engine without a model: it reads compact prompts and answers them by rule, right more often the more it was "trained". Equal seeds
// give equal answers, and its two numbers of state (skill, momentum) go through checkpoints, so resuming can be tested for real.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cutRows, packRows } from "../curriculum/token-rows.ts";
import type { Engine, GenerateRequest, GenerateResult, ScoreRequest, UpdateRequest, UpdateResult } from "../engine/engine.ts";
import { AzrError } from "../errors.ts";
import { createRandom } from "../random.ts";
import { fakeAnswer } from "./fake-answers.ts";
import { fakeTokenizer } from "./fake-tokenizer.ts";

export type FakeEngineCall = { method: "generate"; request: GenerateRequest } | { method: "update"; request: UpdateRequest } | { method: "save" | "load"; folder: string };

export interface FakeEngineOptions {
  /** The completion of one prompt, in place of the rules; it should end with `<|end|>`. Undefined = by the rules. */
  answer?: (prompt: string, sample: number) => string | undefined;
  /** Longest prompt and completion together. */
  maxPositions?: number;
  /** False: reported log-probabilities are 0.5 too low at even positions, as a sampler's with other weights, and said to be so. */
  parity?: boolean;
}

export interface FakeEngine extends Engine {
  readonly calls: FakeEngineCall[];
}

/** One float64 as a safetensors file. */
function tensorFile(name: string, value: number): Buffer {
  const header = Buffer.from(JSON.stringify({ [name]: { dtype: "F64", shape: [1], data_offsets: [0, 8] } }));
  const bytes = Buffer.alloc(8 + header.length + 8);
  bytes.writeBigUInt64LE(BigInt(header.length), 0);
  header.copy(bytes, 8);
  bytes.writeDoubleLE(value, 8 + header.length);
  return bytes;
}

const readTensor = async (path: string): Promise<number> => {
  const bytes = await readFile(path);
  return bytes.readDoubleLE(bytes.length - 8);
};

/** The figures of an update that compare the policy with the reference and the sampler. */
function otherModels({ oldLogProbabilities, kl, importance }: UpdateRequest) {
  const old = Array.from(oldLogProbabilities ?? []);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const ratios = importance === undefined ? [1] : old.map((value, at) => Math.exp(value - importance.samplerLogProbabilities[at]!));
  const weights = ratios.map((ratio) => Math.min(ratio, importance?.cap ?? 1));
  return {
    referenceKl: kl === undefined ? 0 : mean(old.map((value, at) => value - kl.referenceLogProbabilities[at]!)),
    importanceMean: mean(weights),
    importanceMax: Math.max(...weights),
    importanceCapped: mean(ratios.map((ratio) => (ratio > (importance?.cap ?? 1) ? 1 : 0))),
  };
}

/** A deterministic pseudo-model over the compact format; it ignores temperature. */
export function fakeEngine({ answer, maxPositions = 4096, parity = true }: FakeEngineOptions = {}): FakeEngine {
  const tokenizer = fakeTokenizer();
  const calls: FakeEngineCall[] = [];
  let skill = 0;
  let momentum = 0;
  let generatedTokens = 0;
  let trainedTokens = 0;

  /** `position` counts from the prompt's first token, so that generate, update and score agree. */
  const logProbability = (token: number, position: number) => -0.5 - 0.1 * ((token + position) % 7) - 0.01 * Math.abs(skill);
  const checkSignal = (signal: AbortSignal | undefined) => {
    if (signal?.aborted) throw new AzrError("AZR_ABORTED", "The call was aborted", { cause: signal.reason });
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  async function generate(request: GenerateRequest): Promise<GenerateResult> {
    calls.push({ method: "generate", request });
    const { prompts, samples = 1, maxTokens, seed, stopTokens, signal } = request;
    const rows: ArrayLike<number>[] = [];
    const starts: number[] = [];
    const stopped: number[] = [];
    for (const [index, tokens] of cutRows(prompts.tokens, prompts.lengths).entries()) {
      const prompt = tokenizer.decode(tokens);
      for (let sample = 0; sample < samples; sample++) {
        const text = answer?.(prompt, sample) ?? fakeAnswer(prompt, createRandom(seed, index, sample), skill);
        const row = Array.from(tokenizer.encode(text)).slice(0, maxTokens);
        const end = row.findIndex((token) => stopTokens.includes(token));
        rows.push(end < 0 ? row : row.slice(0, end + 1));
        starts.push(tokens.length);
        stopped.push(end < 0 ? 0 : 1);
      }
    }
    await turn();
    checkSignal(signal);
    const completions = packRows(rows);
    generatedTokens += completions.tokens.length;
    const logProbabilities = Float32Array.from(
      rows.flatMap((row, at) => Array.from(row, (token, position) => logProbability(token, starts[at]! + position) - (parity || position % 2 === 1 ? 0 : 0.5))),
    );
    return { completions, logProbabilities, stopped: Uint8Array.from(stopped), parity };
  }

  async function update(request: UpdateRequest): Promise<UpdateResult> {
    calls.push({ method: "update", request });
    await turn();
    checkSignal(request.signal);
    const { prompts, completions, completionPrompt, weights, advantages, oldLogProbabilities, optimizer } = request;
    let gradient = 0;
    let loss = 0;
    let gap = 0;
    let gaps = 0;
    let at = 0;
    for (const [row, length] of completions.lengths.entries()) {
      const start = prompts.lengths[completionPrompt[row]!]!;
      for (let position = 0; position < length; position++, at++) {
        const share = weights[at]! * (advantages?.[at] ?? 1);
        loss -= share;
        gradient += share * ((completions.tokens[at]! % 11) - 4);
        const now = Math.fround(logProbability(completions.tokens[at]!, start + position));
        const distance = oldLogProbabilities === undefined ? 0 : Math.abs(now - oldLogProbabilities[at]!);
        gap = Math.max(gap, distance);
        gaps += distance;
      }
    }
    if (!Number.isFinite(loss)) throw new AzrError("AZR_NUMERICS", "the loss is not finite; the weights were left as they were");
    if (gap > (request.maxGap ?? Infinity)) throw new AzrError("AZR_PARITY", `log-probabilities differ by up to ${gap}`);
    momentum = optimizer.beta1 * momentum + (1 - optimizer.beta1) * gradient;
    skill += 100 * optimizer.learningRate * (Math.abs(gradient) + momentum);
    trainedTokens += at;
    const computedTokens = at + request.prompts.tokens.length;
    return { loss, gradientNorm: Math.abs(gradient), clipFraction: 0, approximateKl: 0, entropy: 1 / (1 + Math.abs(skill)), meanLogProbabilityGap: at === 0 ? 0 : gaps / at, maxLogProbabilityGap: gap, ...otherModels(request), computedTokens, trainedTokens: at };
  }

  return {
    calls,
    shape: {
      vocabularySize: 65_536, hiddenSize: 1, layers: 1, heads: 1, keyValueHeads: 1, headSize: 1, feedForwardSize: 1,
      ropeTheta: 10_000, normEpsilon: 1e-6, tiedHead: true, maxPositions, qkvBias: false, qkNorm: false,
    },
    generate,
    async *stream(request) {
      const result = await generate(request);
      let at = 0;
      for (const [row, length] of result.completions.lengths.entries()) {
        for (const end = at + length; at < end; at++) yield { row, token: result.completions.tokens[at]!, logProbability: result.logProbabilities[at]! };
      }
      return result;
    },
    update,
    async score({ sequences }: ScoreRequest) {
      const rows = cutRows(sequences.tokens, sequences.lengths);
      return { logProbabilities: Float32Array.from(rows.flatMap((row) => Array.from(row.subarray(1), (token, at) => logProbability(token, at + 1)))) };
    },
    async saveModel(folder) {
      calls.push({ method: "save", folder });
      await writeFile(join(folder, "model.safetensors"), tensorFile("skill", skill));
    },
    async saveAdapter() {
      throw new AzrError("AZR_INPUT_INVALID", "The engine was opened without adapters.");
    },
    saveOptimizer: (folder) => writeFile(join(folder, "optimizer.safetensors"), tensorFile("momentum", momentum)),
    async load(folder, { optimizer = false } = {}) {
      calls.push({ method: "load", folder });
      skill = await readTensor(join(folder, "model.safetensors"));
      if (optimizer) momentum = await readTensor(join(folder, "optimizer.safetensors"));
    },
    stats: () => ({ threads: 1, parameters: 2, weights: "f32", trainable: true, generatedTokens, trainedTokens, generateSeconds: 0, scoreSeconds: 0, updateSeconds: 0, memory: { weights: 16, copies: 0, gradients: 0, moments: 0, activations: 0, logits: 0 } }),
    dispose: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}
