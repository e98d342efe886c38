// Opens what a run needs and was not given: engine, tokenizer, executor. The modules that load native code are imported here, when they
// are wanted, so that a program which brings its own parts loads none of it.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Config } from "../config/index.ts";
import { loraOptions } from "../config/update-section.ts";
import { formatNamed } from "../curriculum/format.ts";
import type { TextCodec } from "../curriculum/sample.ts";
import { checkVocabulary } from "../curriculum/vocabulary.ts";
import type { Engine, Scorer } from "../engine/engine.ts";
import { AzrError } from "../errors.ts";
import type { Executor } from "../executor/executor.ts";
import type { ExecutorOptions } from "../executor/open.ts";

/** A tokenizer as the loop needs it. */
export interface RunTokenizer extends TextCodec {
  /** Id of an added token; fails when there is none with this text. */
  specialTokenId(text: string): number;
}

export interface Parts {
  engine: Engine;
  /** Writes the proposals: `engine`, or with `curriculum.proposer=frozen` a second one that is never trained. */
  proposer: Engine;
  /** With a coefficient of `update.kl`: the frozen model that the run is kept near, `proposer` or the weights under the adapters of `engine` where that is the same. */
  reference: Scorer | undefined;
  executor: Executor;
  tokenizer: RunTokenizer;
  stopTokens: number[];
  /** Closes the parts that were opened here. */
  close(): Promise<void>;
}

export interface GivenParts {
  engine?: Engine;
  /** Only for `curriculum.proposer=frozen`; by default a second engine on the run's model. */
  proposer?: Engine;
  /** Only for `update.kl`; by default `engine` without its adapters, or a second engine on `update.kl.reference`. */
  reference?: Scorer;
  executor?: Executor;
  tokenizer?: RunTokenizer;
  /** Token ids that end a completion. By default those of the format or of the model. */
  stopTokens?: number[];
}

/** The model as a path that means the same from every working directory; names of models stay. */
export function settledModel(model: string): string {
  return model !== "seedling" && existsSync(model) ? resolve(model) : model;
}

/** A model of the hub with the commit that was opened, so that a run means the same when it is resumed; others as they are. */
export async function pinnedModel(model: string): Promise<string> {
  const { pinnedModel: pin } = await import("../engine/resolve-model.ts");
  return pin(model);
}

async function modelFolders(config: Config) {
  const { resolveModel } = await import("../engine/resolve-model.ts");
  return resolveModel(config.model);
}

async function openTokenizer(config: Config, engine: Engine): Promise<RunTokenizer> {
  const { loadTokenizer } = await import("../engine/tokenizer.ts");
  return loadTokenizer((await modelFolders(config)).tokenizer, engine.shape.vocabularySize);
}

async function findStopTokens(config: Config, tokenizer: RunTokenizer): Promise<number[]> {
  if (config.format === "compact") return [tokenizer.specialTokenId("<|end|>")];
  const { readModelConfig } = await import("../engine/model-config.ts");
  const folder = (await modelFolders(config)).config;
  const { endTokens } = readModelConfig(folder);
  if (endTokens.length > 0) return endTokens;
  throw new AzrError("AZR_MODEL_FORMAT", `Neither config.json nor generation_config.json in ${folder} names an end token (eos_token_id)`, {
    hint: "Add the model's eos_token_id to its generation_config.json: without it no completion ever ends.",
  });
}

/** What openExecutor takes, from the settings. */
export function executorOptions({ workers, python, ...same }: Config["executor"]): ExecutorOptions {
  return { ...same, ...(workers > 0 ? { workers } : {}), ...(python === "" ? {} : { python }) };
}

/** The run's model as it was before the first step, without a further copy where one is at hand: a frozen proposer, or what lies under adapters. */
async function firstModel(engine: Engine, proposer: Engine, open: () => Promise<Engine>): Promise<Scorer> {
  if (proposer !== engine) return proposer;
  if (engine.stats().lora === undefined) return open();
  return { shape: engine.shape, score: (request) => engine.score({ ...request, adapters: false }) };
}

/** The model of `update.kl`. */
async function openReference(config: Config, { engine, proposer, reference }: GivenParts & Pick<Parts, "engine" | "proposer">, open: (model?: string) => Promise<Engine>) {
  const { kl } = config.update;
  if (kl.coefficient === 0) return undefined;
  const first = kl.reference === "" || kl.reference === config.model;
  const opened = reference ?? (first ? await firstModel(engine, proposer, open) : await open(kl.reference));
  if (opened.shape.vocabularySize === engine.shape.vocabularySize) return opened;
  const sizes = `${opened.shape.vocabularySize} tokens, the trained one ${engine.shape.vocabularySize}`;
  throw new AzrError("AZR_CONFIG_INVALID", `The reference model ${kl.reference} has a vocabulary of ${sizes}`, {
    hint: "update.kl.reference takes a model of the same family, or nothing: then it is the run's own first model.",
  });
}

/** Opens the parts that are missing; on a failure those already opened are closed again. */
export async function openParts(config: Config, given: GivenParts): Promise<Parts> {
  const opened: { dispose(): Promise<void> }[] = [];
  const close = async () => {
    for (const part of opened.splice(0).reverse()) await part.dispose();
  };
  try {
    const { threads, weights } = config.engine;
    const open = async (trainable: boolean, model = config.model): Promise<Engine> => {
      const { openEngine } = await import("../engine/open.ts");
      const adapters = trainable ? loraOptions(config.update.lora, config.seed) : {};
      const engine = await openEngine({ model, weights, trainable, ...adapters, ...(threads > 0 ? { threads } : {}) });
      opened.push(engine);
      return engine;
    };
    const engine = given.engine ?? (await open(true));
    // A resumed run loads its weights into `engine` alone: the frozen copy is the model that the run began with, as before.
    const proposer = config.curriculum.proposer === "frozen" ? (given.proposer ?? (await open(false))) : engine;
    const reference = await openReference(config, { ...given, engine, proposer }, (model) => open(false, model));
    let { executor } = given;
    const tokenizer = given.tokenizer ?? (await openTokenizer(config, engine));
    checkVocabulary(formatNamed(config.format, config.prompts), config.kinds, tokenizer);
    const stopTokens = given.stopTokens ?? (await findStopTokens(config, tokenizer));
    if (executor === undefined) {
      const { openExecutor } = await import("../executor/open.ts");
      executor = await openExecutor(executorOptions(config.executor));
      opened.push(executor);
    }
    return { engine, proposer, reference, executor, tokenizer, stopTokens, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}
