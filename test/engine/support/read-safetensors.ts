// The tensors of a file in single precision, by name.
import { readFileSync } from "node:fs";
import { readSafetensorsHeader } from "../../../src/engine/safetensors.ts";

export function readSafetensors(path: string): Record<string, Float32Array> {
  const bytes = readFileSync(path);
  return Object.fromEntries(
    readSafetensorsHeader(path).tensors.map(({ name, begin, end }) => [name, new Float32Array(bytes.buffer.slice(bytes.byteOffset + begin, bytes.byteOffset + end))]),
  );
}
