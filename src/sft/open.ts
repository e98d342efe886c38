// Opens what a supervised run needs and was not given: the model's files, its tokenizer and template, the data, the engine. The modules
// that load native code are imported here, when they are wanted.
import { loadChatTemplate } from "../engine/chat-template.ts";
import type { ChatTemplate } from "../engine/chat-template.ts";
import type { Engine, ModelShape } from "../engine/engine.ts";
import { readModelConfig } from "../engine/model-config.ts";
import { resolveModel, type ResolvedModel } from "../engine/resolve-model.ts";
import { loadTokenizer } from "../engine/tokenizer.ts";
import type { Tokenizer } from "../engine/tokenizer.ts";
import { AzrError } from "../errors.ts";
import { loraOptions } from "../config/update-section.ts";
import type { SftConfig } from "./config.ts";
import { type Dataset, readDataset } from "./dataset.ts";

export interface SftParts {
  files: ResolvedModel;
  shape: ModelShape;
  data: Dataset;
}

/** Token that ends responses and texts. */
function endTokenOf({ endToken }: SftConfig["data"], tokenizer: Tokenizer, endTokens: readonly number[]): number | undefined {
  if (endToken === "none") return undefined;
  if (endToken !== "") return tokenizer.specialTokenId(endToken);
  const found = endTokens[0] ?? tokenizer.specialTokens.get("<|end|>");
  if (found !== undefined) return found;
  throw new AzrError("AZR_MODEL_FORMAT", "The model does not say which token ends a text (eos_token_id)", { hint: "Name it: --set data.endToken=TEXT, or `none` for none." });
}

// Read when a row asks for it: a model may have none.
function lazyTemplate(place: string): ChatTemplate {
  let template: ChatTemplate | undefined;
  return (messages, options) => (template ??= loadChatTemplate(place))(messages, options);
}

/**
 * Finds the model and reads the data; no weights are opened.
 * @throws AzrError AZR_MODEL_NOT_FOUND, AZR_MODEL_FORMAT, AZR_TOKENIZER_FORMAT, AZR_DOWNLOAD_FAILED, AZR_CONFIG_INVALID, AZR_INPUT_INVALID
 */
export async function openSftParts(config: SftConfig, signal?: AbortSignal): Promise<SftParts> {
  const files = await resolveModel(config.model, { weights: !config.initialize, ...(signal && { signal }) });
  const { shape, endTokens } = readModelConfig(files.config);
  if (config.data.maxTokens > shape.maxPositions) {
    throw new AzrError("AZR_CONFIG_INVALID", `data.maxTokens is ${config.data.maxTokens}, but the model takes ${shape.maxPositions} tokens`, { hint: "Lower data.maxTokens, or set it to 0." });
  }
  const tokenizer = loadTokenizer(files.tokenizer, shape.vocabularySize);
  const endToken = endTokenOf(config.data, tokenizer, endTokens);
  const ends = [...endTokens, ...(endToken === undefined ? [] : [endToken])];
  const data = await readDataset({
    config,
    encode: tokenizer.encode,
    endToken,
    maxPositions: shape.maxPositions,
    template: lazyTemplate(files.tokenizer),
    endTexts: ends.map((id) => tokenizer.decode([id])).filter((text) => text !== ""),
    marks: [...tokenizer.marks.keys()],
    ...(signal && { signal }),
  });
  return { files, shape, data };
}

/** Opens the model for training. Throws what `openEngine` throws. */
export async function openSftEngine(config: SftConfig, signal: AbortSignal): Promise<Engine> {
  const { openEngine } = await import("../engine/open.ts");
  const { threads, weights } = config.engine;
  if (config.initialize && config.update.lora.rank > 0) {
    throw new AzrError("AZR_CONFIG_INVALID", "Adapters over random weights that nothing trains are of no use", { hint: "Set update.lora.rank to 0, or initialize to false." });
  }
  const start = config.initialize ? { initialize: { seed: config.seed } } : loraOptions(config.update.lora, config.seed);
  return openEngine({ model: config.model, weights, trainable: true, signal, ...start, ...(threads > 0 ? { threads } : {}) });
}
