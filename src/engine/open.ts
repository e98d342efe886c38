// openEngine: an Engine backed by the C++ addon. Resolves the model, loads its weights on the engine thread, and turns the
// interface's requests into native calls with abort numbers. The curriculum knows only engine.ts.
import { freemem } from "node:os";
import { AzrError } from "../errors.ts";
import type { AzrErrorCode } from "../errors.ts";
import { errorExitCodes } from "../errors.ts";
import { adapterToMerge, baseFingerprint, findAdapter, loraSettings, requireBase, saveAdapter } from "./adapter.ts";
import type { AdapterPlace, LoraOptions } from "./adapter.ts";
import { describe, nativeGenerateRequest, nativeScoreRequest, nativeUpdateRequest, requireInteger, requireRequest, requireText } from "./arguments.ts";
import { callOrder } from "./call-order.ts";
import type { Engine, EngineStats, GenerateRequest, ScoreRequest, UpdateRequest, WeightFormat } from "./engine.ts";
import { readingHeadsOnce } from "./gguf-heads.ts";
import { loadAddon } from "./load-addon.ts";
import type { LayoutEntry, NativeEngine, NativeLora, TokenListener } from "./load-addon.ts";
import { readModelConfig } from "./model-config.ts";
import type { OnModelProgress } from "./hub-progress.ts";
import { resolveGroups, withGroups } from "./parameter-groups.ts";
import { resolveModel } from "./resolve-model.ts";
import { saveModel, saveOptimizer } from "./save-weights.ts";
import { streamTokens } from "./stream-tokens.ts";
import { findOptimizer, findWeights } from "./weights.ts";

export interface OpenEngineOptions {
  /** `seedling`, a Hugging Face folder, a GGUF file, a run folder (its latest checkpoint), or a name of the hub such as `Qwen/Qwen3-0.6B`. */
  model: string;
  /** Told of the download, when the model is one of the hub that is not in the cache. */
  onProgress?: OnModelProgress;
  /** Size of the engine's thread team. Default: LibTorch's choice, one a core. */
  threads?: number;
  /** How the weights are held. Default `f32`. */
  weights?: WeightFormat;
  /**
   * Whether the weights can be trained and saved: then they are held in single precision beside what the products read. Default: true, but not with
   * `q8`. Without it an engine that only samples and scores takes half the memory and less.
   */
  trainable?: boolean;
  /**
   * Train low-rank adapters in place of the weights (LoRA). Gradients, optimizer state and what `saveAdapter` writes are then of their size alone; the
   * sampler and the trainer both run on the merged weights.
   */
  lora?: LoraOptions;
  /** Folder of adapters (adapter_config.json and adapter_model.safetensors, as the Python package peft writes them) that become part of the weights. */
  adapter?: string;
  /** Start from random weights drawn from this seed; only config.json is read from the model's folder. */
  initialize?: { seed: number };
  signal?: AbortSignal;
}

const hints: Partial<Record<AzrErrorCode, string>> = {
  AZR_MODEL_FORMAT: "Compare the model's files with those of its source; download or copy them again.",
  AZR_RUN_FOLDER: "Free disk space or choose another folder; earlier checkpoints are whole.",
  AZR_PARITY: "The text was sampled with other weights or another build of the engine; sample it anew, or allow the difference: update.maxGap.",
  AZR_NUMERICS: "Lower update.learningRate, or resume from an earlier checkpoint.",
  AZR_INPUT_INVALID: "See the Engine interface in absolute-zero's types.",
  AZR_DISPOSED: "Open a new engine with openEngine().",
  AZR_INTERNAL: "This is a bug in absolute-zero; please report it with the command that led here.",
};

/** What takes memory, and what takes less of it. */
const knobs = {
  open: "Hold the weights as --weights bf16 (or q8, where they are not trained), train adapters (update.lora.rank), or use a smaller model.",
  generate: "Lower generation.maxTokens or the length of the prompts, give less memory to keys and values (cacheBytes), hold the weights as --weights bf16, or use a smaller model.",
  score: "Score shorter sequences, hold the weights as --weights bf16, or use a smaller model.",
  update: "Lower update.microBatchTokens, set update.checkpointActivations, train adapters (update.lora.rank), hold the weights as --weights bf16, or use a smaller model.",
};

type Work = keyof typeof knobs;

// What was wanted is in the message where it is known.
function outOfMemory(message: string, work: Work, cause: unknown): AzrError {
  const wanted = /(?:allocate|take) (\d+) bytes/.exec(message)?.[1];
  const free = /(\d+) bytes are free$/.exec(message)?.[1] ?? freemem();
  return new AzrError("AZR_OUT_OF_MEMORY", message, {
    hint: knobs[work],
    details: { wantedBytes: wanted === undefined ? null : Number(wanted), freeBytes: Number(free) },
    cause,
  });
}

// Native code rejects with plain errors that carry a code.
function translate(error: unknown, signal?: AbortSignal, work: Work = "open"): AzrError {
  if (AzrError.isInstance(error)) return error;
  const { code, message } = error as { code?: string; message?: string };
  const known = code !== undefined && code in errorExitCodes ? (code as AzrErrorCode) : "AZR_INTERNAL";
  const cause = known === "AZR_ABORTED" && signal?.aborted ? signal.reason : error;
  if (known === "AZR_OUT_OF_MEMORY") return outOfMemory(message ?? String(error), work, error);
  return new AzrError(known, message ?? String(error), { hint: hints[known], cause });
}

/**
 * Opens a model for sampling, scoring and training.
 * @throws AzrError AZR_MODEL_NOT_FOUND, AZR_MODEL_FORMAT, AZR_DOWNLOAD_FAILED, AZR_CHECKPOINT_CORRUPT, AZR_ADDON_LOAD_FAILED, AZR_OUT_OF_MEMORY, AZR_ABORTED, AZR_INPUT_INVALID
 */
export function openEngine(options: OpenEngineOptions): Promise<Engine> {
  return readingHeadsOnce(() => open(options));
}

async function open(options: OpenEngineOptions): Promise<Engine> {
  const { model, threads = 0, weights: format = "f32", initialize, signal, onProgress } = requireRequest(options);
  const held = heldAs(format, options);
  const resolved = await resolveModel(requireText("model", model), { weights: initialize === undefined, ...(signal && { signal }), ...(onProgress && { onProgress }) });
  const { shape } = readModelConfig(resolved.config);
  const { NativeEngine } = loadAddon();
  if (signal?.aborted) throw new AzrError("AZR_ABORTED", "Opening the engine was aborted.", { cause: signal.reason });
  // Before memory is taken for what may be no model.
  const weights = initialize ? [] : findWeights(resolved.weights, layoutOf(shape), { checkpoint: resolved.checkpoint !== undefined });
  const adapters = [...(resolved.adapters ?? []), ...(options.adapter === undefined ? [] : [requireText("adapter", options.adapter)])];
  const merged = adapters.map((folder) => adapterToMerge(folder, (lora) => adapterLayoutOf(shape, lora)));
  const fingerprintUnder = (count: number): string => (initialize ? `seed ${initialize.seed}` : baseFingerprint(weights, merged.slice(0, count)));
  resolved.adapters?.forEach((folder, index) => requireBase(folder, merged[index]!.base, fingerprintUnder(index)));
  const base = adapters.at(-1) ?? resolved.pinned ?? resolved.checkpoint?.run ?? resolved.weights;
  const place = held.lora && { lora: held.lora, layout: adapterLayoutOf(shape, held.lora), base, fingerprint: fingerprintUnder(merged.length) };
  const native = new NativeEngine(shape, requireInteger("threads", threads, 0), held);
  try {
    await native.ready();
    if (initialize) await native.initialize(requireInteger("initialize.seed", initialize.seed, 0));
    else await native.loadParameters(weights, true, merged);
  } catch (error) {
    native.stop();
    throw translate(error, signal);
  }
  return engineOf(native, shape, held, place);
}

const formats: readonly WeightFormat[] = ["f32", "bf16", "q8"];

interface Held extends Pick<EngineStats, "weights" | "trainable"> {
  lora?: NativeLora;
}

function heldAs(weights: WeightFormat, { trainable = weights !== "q8", lora }: Pick<OpenEngineOptions, "trainable" | "lora">): Held {
  if (!formats.includes(weights)) {
    throw new AzrError("AZR_INPUT_INVALID", `weights must be one of ${formats.join(", ")}; received ${describe(weights)}.`, { hint: "Leave it out for single precision." });
  }
  if (typeof trainable !== "boolean") throw new AzrError("AZR_INPUT_INVALID", `trainable must be true or false; received ${describe(trainable)}.`);
  if (trainable && weights === "q8") {
    throw new AzrError("AZR_INPUT_INVALID", "Weights in q8 cannot be trained.", { hint: "Open the model with weights f32 or bf16, or without trainable." });
  }
  if (lora === undefined) return { weights, trainable };
  if (!trainable) throw new AzrError("AZR_INPUT_INVALID", "Adapters are for training, but the engine is opened without trainable weights.", { hint: "Leave out lora, or trainable: false." });
  return { weights, trainable, lora: loraSettings(lora) };
}

// The parameters of a model of this shape, which native code checks.
function layoutOf(shape: Engine["shape"]): LayoutEntry[] {
  try {
    return loadAddon().NativeEngine.layoutOf(shape);
  } catch (error) {
    throw translate(error);
  }
}

function adapterLayoutOf(shape: Engine["shape"], lora: NativeLora): LayoutEntry[] {
  try {
    return loadAddon().NativeEngine.adapterLayoutOf(shape, lora);
  } catch (error) {
    throw translate(error);
  }
}

function engineOf(native: NativeEngine, shape: Engine["shape"], { lora, ...held }: Held, place: AdapterPlace | undefined): Engine {
  // What training changes.
  const trained = place?.layout ?? native.layout();
  const adapted = lora && { lora: { rank: lora.rank, alpha: lora.alpha, targets: lora.targets, parameters: trained.reduce((sum, { size }) => sum + size, 0) } };
  const names = trained.map(({ name }) => name);
  const parameters = native.layout().reduce((sum, { size }) => sum + size, 0);
  const order = callOrder();
  let calls = 0;
  let disposal: Promise<void> | undefined;
  const lastStats: { value?: EngineStats } = {};

  // Runs one call; its signal raises the call's abort flag, which native code looks at between tokens or micro-batches.
  async function call<Result>(request: { signal?: AbortSignal }, start: (abort: number) => Promise<Result>, { whole = false, work = "open" }: { whole?: boolean; work?: Work } = {}): Promise<Result> {
    const { signal } = requireRequest(request);
    if (disposal) throw new AzrError("AZR_DISPOSED", "The engine was disposed.", { hint: hints.AZR_DISPOSED });
    return order.enter(async () => {
      if (signal?.aborted) throw new AzrError("AZR_ABORTED", "The call was aborted before it began.", { cause: signal.reason });
      const number = ++calls;
      const abort = () => native.abort(number);
      signal?.addEventListener("abort", abort, { once: true });
      try {
        return await start(number);
      } catch (error) {
        throw translate(error, signal, work);
      } finally {
        signal?.removeEventListener("abort", abort);
      }
    }, whole);
  }
  // Of several native calls: nothing that is called later comes between them.
  const wholeCall = <Result>(start: () => Promise<Result>): Promise<Result> => call({}, start, { whole: true });

  const sample = (request: GenerateRequest, listener?: TokenListener) =>
    call(request, async (abort) => ({ ...(await native.generate(nativeGenerateRequest(request), abort, listener)), parity: held.weights !== "q8" }), { work: "generate" });

  const engine: Engine = {
    shape,
    generate: (request: GenerateRequest) => sample(request),
    stream: (request: GenerateRequest) => streamTokens(request, sample),
    score: (request: ScoreRequest) =>
      call(request, async (abort) => ({ logProbabilities: await native.score(nativeScoreRequest(request), abort) }), { work: "score" }),
    update: (request: UpdateRequest) => call(request, (abort) => native.update(withGroups(nativeUpdateRequest(request), resolveGroups(request.optimizer, names)), abort), { work: "update" }),
    saveModel: (folder, options) => wholeCall(async () => saveModel(native, requireText("folder", folder), options)),
    saveAdapter: (folder) =>
      wholeCall(async () => {
        if (place === undefined) throw new AzrError("AZR_INPUT_INVALID", "The engine was opened without adapters.", { hint: "Open it with lora, or save the whole model." });
        await saveAdapter(native, requireText("folder", folder), place);
      }),
    saveOptimizer: (folder) => wholeCall(async () => saveOptimizer(native, requireText("folder", folder), trained)),
    load: (folder, { optimizer = held.trainable } = {}) =>
      wholeCall(async () => {
        // Both files are checked before either changes anything.
        const whole = requireText("folder", folder);
        const weights = place ? findAdapter(whole, place) : findWeights(whole, trained, { checkpoint: true });
        const moments = optimizer ? findOptimizer(folder, trained) : undefined;
        await (place ? native.loadAdapters(weights) : native.loadParameters(weights));
        await native.loadOptimizer(moments);
      }),
    stats() {
      if (!disposal || !lastStats.value) lastStats.value = { ...native.stats(), parameters, ...held, ...adapted };
      return lastStats.value;
    },
    dispose() {
      // Running and queued calls are waited for; then the thread ends.
      disposal ??= order.enter(() => native.ready()).then(
        () => {
          lastStats.value = { ...native.stats(), parameters, ...held, ...adapted };
          native.stop();
        },
        () => native.stop(),
      );
      return disposal;
    },
    [Symbol.asyncDispose]: () => engine.dispose(),
  };
  return engine;
}
