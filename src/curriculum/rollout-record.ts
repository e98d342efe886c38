// A sequence as a line of rollouts/step-NNNNNN.jsonl.gz and back: texts for people, ids that link it to proposals, tasks and updates, and, to the bit, what
// sampler and trainer were given (replay). Written by the session (src/run/rollout-file.ts), read by the report and src/replay-step.ts.
import type { Role, Source } from "../events.ts";
import { readRolloutId } from "./identifiers.ts";
import type { Group, Sequence } from "./step-context.ts";

/** One completion with what became of it. Fields that runs of early versions did not record are optional. */
export interface RolloutRecord {
  /** Of the proposal (`p-12-d-3`) or the rollout (`rollouts-12-d-5-0`). */
  id?: string;
  role: Role;
  kind: string;
  source?: Source;
  /** Id of the task answered, or of the task that came of a proposal; null for a rejected proposal. */
  task: string | null;
  /** Proposer: the tasks that its prompt showed. */
  parents?: string[];
  /** Proposer: index of the proposal. Solver: index of the sample. */
  index: number;
  prompt: string;
  promptTokens?: number[];
  response: string;
  responseTokens?: number[];
  answer?: string;
  outcome: string;
  detail: string;
  solveRate?: number | null;
  reward: number | null;
  advantage: number;
  trained: boolean;
  /** The gradient step that it was part of, such as `u-12-0`; absent when it had no gradient. */
  update?: string;
  /** Tokens of the response, and the sum of their log-probabilities. */
  tokens: number;
  logProbability: number;
  /** Whether a stop token ended the response. */
  stopped?: boolean;
  /**
   * Of those in an update, base64 of little-endian numbers: the log-probabilities of the tokens by the sampler, by the trainer before the step and by the
   * reference (single precision), and the advantages (double precision), where these differ from token to token.
   */
  logProbabilities?: string;
  oldLogProbabilities?: string;
  referenceLogProbabilities?: string;
  advantages?: string;
}

const base64 = (values: Float32Array | Float64Array): string => Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");
/** The bytes in memory of their own, where an array of numbers may begin. */
const bytesOf = (text: string): ArrayBuffer => new Uint8Array(Buffer.from(text, "base64")).buffer;

/** The record of a sequence. What was sampled is kept whole; numbers that only an update needs, of those that are part of one. */
export function rolloutRecord({ role, kind, source }: Pick<Group, "role" | "kind" | "source">, sequence: Sequence): RolloutRecord {
  const { id, task, parents, index, prompt, completion, answer, outcome, detail, solveRate, reward, advantage, advantages, trained, update, old, reference } = sequence;
  const { tokens, logProbabilities, text, stopped } = completion;
  return {
    id,
    role,
    kind: kind.name,
    ...(source === undefined ? {} : { source }),
    task: task?.id ?? null,
    ...(parents === undefined ? {} : { parents }),
    index,
    prompt: prompt.text,
    promptTokens: Array.from(prompt.tokens),
    response: text,
    responseTokens: Array.from(tokens),
    ...(answer === undefined ? {} : { answer }),
    outcome,
    detail,
    ...(solveRate === undefined ? {} : { solveRate }),
    reward,
    advantage,
    trained,
    ...(update === undefined ? {} : { update }),
    tokens: tokens.length,
    logProbability: logProbabilities.reduce((sum, value) => sum + value, 0),
    stopped,
    ...(update === undefined
      ? {}
      : {
          logProbabilities: base64(logProbabilities),
          ...(old && { oldLogProbabilities: base64(old) }),
          ...(reference && { referenceLogProbabilities: base64(reference) }),
          ...(advantages && { advantages: base64(advantages) }),
        }),
  };
}

/** What the answers to one prompt have in common. */
export const promptOf = (id: string | undefined): string | undefined => (id === undefined ? undefined : readRolloutId(id)?.prompt);

/**
 * What an update takes of a recorded sequence. Answers to one prompt share it as an object, where `previous` is the one before. Undefined: the run did not
 * record enough.
 */
export function trainedSequence(record: RolloutRecord, previous?: Sequence): Sequence | undefined {
  const { id, promptTokens, responseTokens, logProbabilities, prompt, response, update, oldLogProbabilities, referenceLogProbabilities, advantages } = record;
  const missing = update !== undefined && logProbabilities === undefined;
  if (id === undefined || promptTokens === undefined || responseTokens === undefined || missing) return undefined;
  const numbers = (text: string) => new Float32Array(bytesOf(text));
  const shares = previous !== undefined && promptOf(previous.id) === promptOf(id);
  const { index, outcome, detail, reward, advantage, trained, stopped = true } = record;
  return {
    id,
    prompt: shares ? previous.prompt : { text: prompt, prefill: "", tokens: promptTokens },
    completion: { tokens: Int32Array.from(responseTokens), logProbabilities: logProbabilities === undefined ? new Float32Array(responseTokens.length) : numbers(logProbabilities), text: response, stopped, parity: oldLogProbabilities === undefined },
    task: undefined,
    index,
    outcome,
    detail,
    reward,
    advantage,
    trained,
    ...(update === undefined ? {} : { update }),
    ...(oldLogProbabilities === undefined ? {} : { old: numbers(oldLogProbabilities) }),
    ...(referenceLogProbabilities === undefined ? {} : { reference: numbers(referenceLogProbabilities) }),
    ...(advantages === undefined ? {} : { advantages: new Float64Array(bytesOf(advantages)) }),
  };
}
