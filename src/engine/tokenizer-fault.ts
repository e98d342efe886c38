// The error of every file that reads a tokenizer.json (tokenizer*.ts): one code, one piece of advice that fits most faults.
import { AzrError } from "../errors.ts";

/** A fault in a tokenizer file: AZR_TOKENIZER_FORMAT with the given sentence. */
export function tokenizerFault(message: string, hint?: string, cause?: unknown): AzrError {
  return new AzrError("AZR_TOKENIZER_FORMAT", message, {
    hint: hint ?? "Take tokenizer.json anew from where the model came from; this package reads those of Llama, Mistral, Qwen, SmolLM2, Gemma, Phi and DeepSeek models (BPE, Unigram and WordLevel).",
    cause,
  });
}
