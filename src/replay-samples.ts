// The rollout-only half of a replay (replay-step.ts): the completions of a step are sampled again from its recorded prompts and the weights that the engine has, and
// compared with those recorded, token by token.
import type { Config } from "./config/index.ts";
import { readRolloutId } from "./curriculum/identifiers.ts";
import type { RolloutRecord } from "./curriculum/rollout-record.ts";
import { type Completion, sampleCompletions, sampleSeed, type TextCodec } from "./curriculum/sample.ts";
import type { Engine } from "./engine/engine.ts";
import { AzrError } from "./errors.ts";
import type { Role } from "./events.ts";
import type { RolloutFile } from "./run/rollout-file.ts";

export interface ReplayedSamples {
  role: Role;
  kind: string;
  /** `propose`, `rollouts`, `attempts` ... */
  stream: string;
  completions: number;
  /** Completions whose tokens, and whose log-probabilities where they are recorded, are the same to the bit. */
  same: number;
  equal: boolean;
  /** The first that is not. */
  first: { id: string; recorded: string; replayed: string } | null;
}

export interface SampleAgain {
  engine: Engine;
  proposer: Engine;
  tokenizer: TextCodec;
  stopTokens: number[];
  config: Config;
  file: RolloutFile;
  role: Role;
  signal?: AbortSignal;
}

/** The records of each kind and stream, those of one prompt together and in the order of the prompts. */
function requestsOf(records: readonly RolloutRecord[]): { kind: string; stream: string; prompts: RolloutRecord[][] }[] {
  const requests = new Map<string, { kind: string; stream: string; prompts: RolloutRecord[][] }>();
  for (const record of records) {
    const at = record.id === undefined ? undefined : readRolloutId(record.id);
    if (at === undefined || record.promptTokens === undefined || record.responseTokens === undefined) throw new AzrError("AZR_RUN_FOLDER", `The record ${record.id ?? "without an id"} lacks token ids`);
    const key = `${record.kind} ${at.stream}`;
    const request = requests.get(key) ?? { kind: record.kind, stream: at.stream, prompts: [] };
    requests.set(key, request);
    (request.prompts[at.place] ??= [])[at.sample] = record;
  }
  return [...requests.values()];
}

function isSame(record: RolloutRecord, { tokens, logProbabilities }: Completion): boolean {
  const recorded = record.responseTokens!;
  if (recorded.length !== tokens.length || recorded.some((token, at) => token !== tokens[at])) return false;
  const bytes = Buffer.from(logProbabilities.buffer, logProbabilities.byteOffset, logProbabilities.byteLength);
  return record.logProbabilities === undefined || record.logProbabilities === bytes.toString("base64");
}

/** Samples what one role wrote in the step. Rejects as Engine.generate does. */
export async function sampleAgain({ engine, proposer, tokenizer, stopTokens, config, file, role, signal }: SampleAgain): Promise<ReplayedSamples[]> {
  const { generation } = config;
  const { step, seed } = file.head!;
  const found: ReplayedSamples[] = [];
  for (const { kind, stream, prompts } of requestsOf(file.records.filter((record) => record.role === role))) {
    const rows = await sampleCompletions({
      engine: role === "propose" ? proposer : engine,
      codec: tokenizer,
      prompts: prompts.map(([first]) => ({ text: first!.prompt, prefill: "", tokens: first!.promptTokens! })),
      samples: prompts[0]!.length,
      maxTokens: generation.maxTokens[role],
      temperature: generation.temperature[role],
      topP: generation.topP,
      seed: sampleSeed(seed, step, { role, labels: [stream], kind }),
      stopTokens,
      ...(signal === undefined ? {} : { signal }),
    });
    const pairs = prompts.flatMap((records, place) => records.map((record, sample) => ({ record, completion: rows[place]![sample]! })));
    const different = pairs.filter(({ record, completion }) => !isSame(record, completion));
    const [first] = different;
    found.push({
      role,
      kind,
      stream,
      completions: pairs.length,
      same: pairs.length - different.length,
      equal: different.length === 0,
      first: first === undefined ? null : { id: first.record.id!, recorded: first.record.response, replayed: first.completion.text },
    });
  }
  return found;
}
