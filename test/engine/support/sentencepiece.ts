// Reads a SentencePiece model file (protocol buffers): its pieces as the metadata of a GGUF file has them.
import { readFileSync } from "node:fs";
import type { GgufMetadata } from "../../../src/engine/gguf-types.ts";

/** Fields of a message: number, and the bytes or the number that follow. */
function* fieldsOf(bytes: Buffer): Generator<[number, Buffer | number]> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key % 8;
    const length = kind === 2 ? varint() : kind === 5 ? 4 : kind === 1 ? 8 : 0;
    const value = kind === 0 ? varint() : bytes.subarray(at, at + length);
    at += length;
    yield [Math.floor(key / 8), value];
  }
}

export function sentencePieceMetadata(path: string): GgufMetadata {
  const [tokens, scores, types]: [string[], number[], number[]] = [[], [], []];
  for (const [field, piece] of fieldsOf(readFileSync(path))) {
    if (field !== 1 || typeof piece === "number") continue;
    const parts = new Map(fieldsOf(piece));
    tokens.push((parts.get(1) as Buffer).toString("utf8"));
    scores.push((parts.get(2) as Buffer | undefined)?.readFloatLE() ?? 0);
    types.push((parts.get(3) as number | undefined) ?? 1);
  }
  return new Map<string, string | number | boolean | string[] | number[]>([
    ["tokenizer.ggml.model", "llama"],
    ["tokenizer.ggml.tokens", tokens],
    ["tokenizer.ggml.scores", scores],
    ["tokenizer.ggml.token_type", types],
    ["tokenizer.ggml.bos_token_id", tokens.indexOf("<s>")],
    ["tokenizer.ggml.unknown_token_id", tokens.indexOf("<unk>")],
  ]);
}
