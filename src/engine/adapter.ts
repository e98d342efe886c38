// Low-rank adapters (LoRA) in files, in the form of the Python package peft: adapter_config.json and adapter_model.safetensors. Reads them
// for open.ts, to be merged or to go on from, and writes them.
import { closeSync, existsSync, readSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { crc32 } from "node:zlib";
import { AzrError } from "../errors.ts";
import { describe, requireInteger, requireNumber } from "./arguments.ts";
import type { LoraSettings, LoraTarget } from "./engine.ts";
import { parseHubName } from "./hub-name.ts";
import type { AdapterSource, LayoutEntry, NativeEngine, NativeLora, TensorSource } from "./load-addon.ts";
import { openAtOnce, readModelText } from "./model-file.ts";
import { createSafetensorsHeader, readSafetensorsHeader } from "./safetensors.ts";
import { replaceFiles } from "./save-weights.ts";

const configName = "adapter_config.json";
const weightsName = "adapter_model.safetensors";
/** Key in the metadata of adapter_model.safetensors. */
const baseKey = "azr_base";
/** The matrices that may have adapters, in the order of a layer. */
export const loraTargets: readonly LoraTarget[] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/** What a user may leave out of the settings of new adapters. */
export interface LoraOptions extends Partial<LoraSettings> {
  /** Of the random numbers that the adapters begin with. Default 0. */
  seed?: number;
}

/** Settings with the defaults filled in: rank 16, alpha 32, all matrices of every layer. Throws AZR_INPUT_INVALID. */
export function loraSettings(options: LoraOptions): NativeLora {
  if (typeof options !== "object" || options === null || Array.isArray(options)) throw new AzrError("AZR_INPUT_INVALID", `Expected an object for lora but received ${describe(options)}.`, { hint: "Leave it out to train the weights themselves." });
  const { rank = 16, alpha = 32, targets = [...loraTargets], seed = 0 } = options;
  const known = (target: unknown): target is LoraTarget => loraTargets.includes(target as LoraTarget);
  if (!Array.isArray(targets) || targets.length === 0 || !targets.every(known)) {
    throw new AzrError("AZR_INPUT_INVALID", `lora.targets must name some of ${loraTargets.join(", ")}; received ${Array.isArray(targets) ? targets.map(describe).join(", ") : describe(targets)}.`, { hint: "Leave it out for all of them." });
  }
  // In one order, each once, so that the same settings are the same bytes.
  return { rank: requireInteger("lora.rank", rank, 1), alpha: requireNumber("lora.alpha", alpha, Number.MIN_VALUE), targets: loraTargets.filter((target) => targets.includes(target)), seed: requireInteger("lora.seed", seed, 0) };
}

/** Whether a folder holds adapters. */
export function hasAdapter(folder: string): boolean {
  return existsSync(join(folder, configName)) && existsSync(join(folder, weightsName));
}

interface AdapterConfig {
  r: number;
  lora_alpha: number;
  use_rslora?: boolean;
  base_model_name_or_path?: string | null;
}

function readConfig(folder: string): AdapterConfig {
  const path = join(folder, configName);
  const fault = (why: string, cause?: unknown) => new AzrError("AZR_MODEL_FORMAT", `${path} cannot be used: ${why}.`, { hint: "Adapters are read that peft writes for LoRA of one rank on the projections of attention and feed-forward.", cause });
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(readModelText(path)) as Record<string, unknown>;
  } catch (cause) {
    throw fault((cause as Error).message, cause);
  }
  if (typeof config !== "object" || config === null || config["peft_type"] !== "LORA") throw fault("it is not of a LoRA");
  const { r, lora_alpha: alpha, bias = "none", base_model_name_or_path: base = null } = config;
  if (base !== null && typeof base !== "string") throw fault("base_model_name_or_path is no text");
  if (!Number.isSafeInteger(r) || (r as number) < 1 || typeof alpha !== "number" || !(alpha > 0)) throw fault("r and lora_alpha must be numbers above 0");
  const filled = (value: unknown): boolean => (typeof value === "object" && value !== null ? Object.keys(value).length > 0 : Boolean(value));
  const others = ["use_dora", "fan_in_fan_out", "modules_to_save", "rank_pattern", "alpha_pattern", "lora_bias", "target_parameters", "trainable_token_indices", "layer_replication", "use_bdlora", "use_qalora", "alora_invocation_tokens"].filter((name) => filled(config[name]));
  if (bias !== "none") others.push("bias");
  if (others.length > 0) throw fault(`${others.join(", ")} ${others.length === 1 ? "is" : "are"} not supported`);
  return config as unknown as AdapterConfig;
}

/** The model that adapters belong to, as their config names it; undefined where it does not. Throws AZR_MODEL_FORMAT. */
export function baseOfAdapter(folder: string): string | undefined {
  return readConfig(folder).base_model_name_or_path || undefined;
}

const tensorPattern = /\.([a-z]+_proj)\.lora_[AB]\.weight$/;

// The adapters in a folder, each with where its bytes lie; `layoutOf` gives those that a model has with such settings.
function find(folder: string, layoutOf: (lora: NativeLora) => LayoutEntry[], checkpoint: boolean): AdapterSource {
  const { r, lora_alpha: alpha, use_rslora: rooted } = readConfig(folder);
  const path = join(folder, weightsName);
  const code = checkpoint ? "AZR_CHECKPOINT_CORRUPT" : "AZR_MODEL_FORMAT";
  const fault = (why: string) => new AzrError(code, `${path} ${why}.`, { hint: "Check that the adapters belong to this model; download or copy them again." });
  const { tensors, metadata } = readSafetensorsHeader(path, { checkpoint });
  const named = new Set(tensors.map(({ name }) => tensorPattern.exec(name)?.[1]));
  const lora: NativeLora = { rank: r, alpha: rooted === true ? alpha * Math.sqrt(r) : alpha, targets: loraTargets.filter((target) => named.has(target)), seed: 0 };
  if (lora.targets.length === 0) throw fault("holds no adapters of matrices that are known here");
  const layout = layoutOf(lora);
  const found = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const sources = layout.map(({ name, dimensions }, index): TensorSource => {
    const tensor = found.get(name);
    if (tensor === undefined) throw fault(`lacks the tensor ${name}`);
    if (tensor.shape.join() !== dimensions.join()) throw fault(`holds ${name} as [${tensor.shape.join(", ")}], but the model calls for [${dimensions.join(", ")}]`);
    if (!["F32", "F16", "BF16"].includes(tensor.dtype)) throw fault(`holds ${name} in ${tensor.dtype}, which cannot be read`);
    found.delete(name);
    return { index, path, offset: tensor.begin, dtype: tensor.dtype as TensorSource["dtype"] };
  });
  const [extra] = found.keys();
  if (extra !== undefined) throw fault(`holds ${extra}, which the model does not have`);
  return { lora, tensors: sources, base: metadata[baseKey] };
}

/** Adapters to merge into a model as it is opened. Throws AZR_MODEL_FORMAT, AZR_MODEL_NOT_FOUND. */
export function adapterToMerge(folder: string, layoutOf: (lora: NativeLora) => LayoutEntry[]): AdapterSource {
  if (!hasAdapter(folder)) throw new AzrError("AZR_MODEL_NOT_FOUND", `${folder} holds no adapters: ${configName} or ${weightsName} is missing.`, { hint: "Give a folder that peft or a run with update.lora wrote." });
  return find(folder, layoutOf, false);
}

/**
 * What tells weights apart without reading all of them: a checksum over the first values of every tensor. A step of training changes nearly all, and a
 * run that reads its base again on resuming must not take another for it.
 */
export function baseFingerprint(weights: TensorSource[], merged: AdapterSource[]): string {
  const sample = Buffer.alloc(256);
  let sum = 0;
  let open: { path: string; descriptor: number } | undefined;
  try {
    for (const { path, offset } of [...weights, ...merged.flatMap(({ tensors }) => tensors)]) {
      if (open?.path !== path) {
        if (open !== undefined) closeSync(open.descriptor);
        open = { path, descriptor: openAtOnce(path) };
      }
      sum = crc32(sample.subarray(0, readSync(open.descriptor, sample, 0, sample.length, offset)), sum);
    }
  } finally {
    if (open !== undefined) closeSync(open.descriptor);
  }
  return sum.toString(16).padStart(8, "0");
}

/** Throws AZR_CHECKPOINT_INCOMPATIBLE for adapters that were trained over other weights than these. */
export function requireBase(folder: string, trainedOver: string | undefined, base: string): void {
  if (trainedOver === undefined || trainedOver === base) return;
  throw new AzrError("AZR_CHECKPOINT_INCOMPATIBLE", `The adapters in ${folder} were trained over other weights than those that their model has now.`, {
    hint: `Restore the model that ${configName} or the run's config.json names; or merge them into what you like by the option \`adapter\` of openEngine.`,
  });
}

/** The adapters of a checkpoint, which must be as those of the engine. Throws AZR_CHECKPOINT_CORRUPT, AZR_CHECKPOINT_INCOMPATIBLE. */
export function findAdapter(folder: string, { lora, layout, fingerprint }: AdapterPlace): TensorSource[] {
  const corrupt = (why: string) => new AzrError("AZR_CHECKPOINT_CORRUPT", `${folder} ${why}.`, { hint: "Resume from an older checkpoint of the run, under its checkpoints/ folder." });
  if (!hasAdapter(folder)) throw corrupt("holds no adapters");
  const { lora: stored, tensors, base } = find(folder, () => layout, true);
  requireBase(folder, base, fingerprint);
  if (stored.rank !== lora.rank || stored.alpha !== lora.alpha) throw corrupt(`holds adapters of rank ${stored.rank} and alpha ${stored.alpha}, not ${lora.rank} and ${lora.alpha}`);
  return tensors;
}

/** The adapters that an engine trains, and what they stand over: the model's name and its weights' fingerprint. */
export interface AdapterPlace {
  lora: NativeLora;
  layout: LayoutEntry[];
  base: string;
  fingerprint: string;
}

/** Writes the adapters of an engine into an existing folder, synced to disk. Throws AZR_RUN_FOLDER. */
export async function saveAdapter(native: NativeEngine, folder: string, { lora, layout, base, fingerprint }: AdapterPlace): Promise<void> {
  const hub = existsSync(base) ? undefined : parseHubName(base);
  const config = {
    alpha_pattern: {},
    base_model_name_or_path: hub === undefined ? resolve(base) : hub.file === undefined && hub.quantization === undefined ? hub.repo : base,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_to_transform: null,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: "LORA",
    r: lora.rank,
    rank_pattern: {},
    revision: hub === undefined || hub.revision === "main" ? null : hub.revision,
    target_modules: lora.targets,
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: false,
  };
  const header = createSafetensorsHeader(layout.map(({ name, dimensions }) => ({ name, dtype: "F32" as const, shape: dimensions })), { format: "pt", [baseKey]: fingerprint });
  await replaceFiles(folder, [
    [weightsName, (path) => native.saveAdapters(path, header)],
    [configName, (path) => writeFileSync(path, `${JSON.stringify(config, undefined, 2)}\n`, { flush: true })],
  ]);
}
