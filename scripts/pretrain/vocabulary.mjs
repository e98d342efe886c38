// The seedling's vocabulary and the files that describe its model: run `node scripts/pretrain/vocabulary.mjs` to rewrite
// config.json, generation_config.json, tokenizer.json and tokenizer_config.json under models/seedling. Token ids are the
// order of the lists below: changing anything here means training a new model.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const specialTokens = [
  "<|pad|>", "<|end|>", "<|deduce|>", "<|abduce|>", "<|induce|>", "<|propose-deduction|>", "<|propose-abduction|>",
  "<|propose-induction|>", "<|program|>", "<|input|>", "<|output|>", "<|message|>", "<|new|>", "<|unknown|>",
];

// Pieces of Python that the grammar writes; whatever else a program holds is spelled out in characters.
const fragments = [
  "def f(a):", "\n    a = ", "\n    return ", "\n    ",
  "a[::-1]", "sorted(a)", "a[1:]", "a[:-1]", "a[:2]", "a[:3]", "a[2:]", "a[::2]",
  "sum(a)", "max(a)", "min(a)", "len(a)", "a[0]", "a[-1]",
  "a + [", "] + a", "a + ", "a - ", "a * ",
  "[x + ", "[x - ", "[x * ", " for x in a]", "[x for x in a if x > ", "[x for x in a if x < ",
  ", ", ", -",
];
const characters = ["\n", ...Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))];
const numbers = Array.from({ length: 190 }, (_, index) => String(10 + index));

export const vocabulary = [...specialTokens, ...fragments, ...characters, ...numbers];

/** The pre-tokenizer's alternation: every ordinary token, longest first, so that the longest one that fits is taken. */
function alternation() {
  const escape = (text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&").replaceAll("\n", "\\n");
  return vocabulary
    .slice(specialTokens.length)
    .sort((left, right) => right.length - left.length || (left < right ? -1 : 1))
    .map(escape)
    .join("|");
}

function tokenizerFile() {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    normalizer: null,
    pre_tokenizer: { type: "Split", pattern: { Regex: alternation() }, behavior: "Isolated", invert: false },
    post_processor: null,
    decoder: { type: "Fuse" },
    model: { type: "WordLevel", vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])), unk_token: "<|unknown|>" },
  };
}

const configFile = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: vocabulary.length,
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
  hidden_act: "silu",
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  attention_bias: false,
  mlp_bias: false,
  initializer_range: 0.02,
  bos_token_id: null,
  eos_token_id: 1,
  pad_token_id: 0,
  torch_dtype: "float32",
};

const generationFile = { eos_token_id: 1, pad_token_id: 0, do_sample: true, temperature: 1 };
const tokenizerConfigFile = {
  tokenizer_class: "PreTrainedTokenizerFast",
  eos_token: "<|end|>",
  pad_token: "<|pad|>",
  unk_token: "<|unknown|>",
  clean_up_tokenization_spaces: false,
  model_max_length: 512,
};

/** Writes the four files into a folder. */
export function writeModelFiles(folder) {
  mkdirSync(folder, { recursive: true });
  const files = { "config.json": configFile, "generation_config.json": generationFile, "tokenizer.json": tokenizerFile(), "tokenizer_config.json": tokenizerConfigFile };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(content, null, 1) + "\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (new Set(vocabulary).size !== vocabulary.length) throw new Error("a token is listed twice");
  const folder = fileURLToPath(new URL("../../models/seedling", import.meta.url));
  writeModelFiles(folder);
  console.error(`${folder}: ${vocabulary.length} tokens`);
}
