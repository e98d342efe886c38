// Finds and loads azr.node, the only native module of the package; nothing else in src/ touches a `.node` file.
// Builds are made by scripts/build.mjs and found through scripts/native-location.mjs. open.ts is the only caller.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { nativeFolder } from "../../scripts/native-location.mjs";
import { AzrError } from "../errors.ts";
import type { EngineStats, LoraSettings, ModelShape, TokenRows, WeightFormat } from "./engine.ts";
import type { StorageType } from "./gguf-types.ts";

/** One parameter, in the order in which the engine keeps their data. */
export interface LayoutEntry {
  name: string;
  dimensions: number[];
  size: number;
}

/** Where the data of parameter `index` lies: `offset` in bytes. */
export interface TensorSource {
  index: number;
  path: string;
  offset: number;
  dtype: StorageType;
  /** Rows of a head, where its rotary pairs lie side by side in the file and not half a head apart. */
  pairedRows?: number;
  /** Added to each value. */
  shift?: number;
}

/** Settings of adapters as native code takes them. */
export interface NativeLora extends LoraSettings {
  seed: number;
}

/** Adapters in a file: `index` of a tensor counts in `adapterLayoutOf`. */
export interface AdapterSource {
  lora: NativeLora;
  tensors: TensorSource[];
  /** Fingerprint of the weights that they were trained over, where it is known. */
  base?: string | undefined;
}

/** Where the optimizer's state lies: offsets in bytes of the first and second moments. */
export interface OptimizerSource {
  path: string;
  firstOffset: number;
  secondOffset: number;
  steps: number;
}

export interface MachineLimits {
  flops: number;
  bytesPerSecond: number;
}

export type TokenListener = (rows: Int32Array, tokens: Int32Array, logProbabilities: Float32Array) => void;

/** The class that native/addon/engine_wrap.cc defines. Calls with an abort number can be stopped by `abort(number)`. */
export interface NativeEngine {
  layout(): LayoutEntry[];
  ready(): Promise<void>;
  initialize(seed: number): Promise<void>;
  /**
   * With `fresh`, weights that nobody uses yet are read without being checked first; a failure then leaves them useless. Adapters in `merged` become part
   * of the weights.
   */
  loadParameters(sources: TensorSource[], fresh?: boolean, merged?: AdapterSource[]): Promise<void>;
  /** Of an engine that has adapters. */
  loadAdapters(sources: TensorSource[]): Promise<void>;
  /** The header, then the adapters in single precision. */
  saveAdapters(path: string, header: Uint8Array): Promise<void>;
  /** Without a source the optimizer starts afresh. */
  loadOptimizer(source?: OptimizerSource): Promise<void>;
  /** The header, then `count` parameters of the layout from number `first` on. */
  saveParameters(path: string, header: Uint8Array, dtype: "F32" | "F16" | "BF16", first: number, count: number): Promise<void>;
  saveOptimizer(path: string, header: Uint8Array): Promise<void>;
  /** `listener` gets the tokens of each step as they are drawn, possibly after the promise is settled. */
  generate(request: object, abort: number, listener?: TokenListener): Promise<{ completions: TokenRows; logProbabilities: Float32Array; stopped: Uint8Array }>;
  score(request: object, abort: number): Promise<Float32Array>;
  update(request: object, abort: number): Promise<import("./engine.ts").UpdateResult>;
  /**
   * Operations a second of the best matrix product with weights held so, and bytes a second read from memory, by the engine's threads. Takes a second
   * or two.
   */
  measureMachine(weights: WeightFormat): Promise<MachineLimits>;
  /**
   * Seconds that the products of a step of `rows` rows of a model of this shape take: the engine's, whose results hang on their own row alone, and
   * LibTorch's. Takes some seconds.
   */
  measureProducts(shape: ModelShape, weights: WeightFormat, rows: number): Promise<{ own: number; library: number }>;
  abort(number: number): void;
  stats(): Omit<EngineStats, "parameters" | "weights" | "trainable" | "lora">;
  stop(): void;
}

export interface Addon {
  NativeEngine: {
    new (shape: ModelShape, threads: number, held: { weights: WeightFormat; trainable: boolean; lora?: NativeLora }): NativeEngine;
    /** The layout of a model of this shape; nothing is allocated for it. */
    layoutOf(shape: ModelShape): LayoutEntry[];
    /** The same of the adapters of a model. */
    adapterLayoutOf(shape: ModelShape, lora: NativeLora): LayoutEntry[];
  };
  /** What LibTorch says of its build. */
  buildConfiguration: string;
}

let loaded: Addon | undefined;

/**
 * The addon, loaded once a process.
 * @throws AzrError AZR_ADDON_LOAD_FAILED when it was not built or the loader refuses it (its own words are in the message)
 */
export function loadAddon(): Addon {
  if (loaded) return loaded;
  const path = join(nativeFolder(), "azr.node");
  if (!existsSync(path)) {
    throw new AzrError("AZR_ADDON_LOAD_FAILED", `The engine has not been built: there is no ${path}.`, {
      hint: "Run: npx azr build   (npx azr doctor shows what it needs)",
      details: { path },
    });
  }
  try {
    loaded = createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    throw new AzrError("AZR_ADDON_LOAD_FAILED", `The engine at ${path} could not be loaded: ${(cause as Error).message}`, {
      hint: "Run: npx azr doctor   then, if LibTorch or Node changed: npx azr build",
      details: { path },
      cause,
    });
  }
  return loaded;
}
