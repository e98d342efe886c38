// The number formats of GGUF tensors, and the values of its metadata. Used by gguf.ts; native/engine/dequantize.cc widens
// the formats that can be read.

/** Formats that the engine can read, with the values and bytes of a block. */
export const readableTypes = {
  F32: { values: 1, bytes: 4 },
  F16: { values: 1, bytes: 2 },
  BF16: { values: 1, bytes: 2 },
  Q8_0: { values: 32, bytes: 34 },
  Q4_0: { values: 32, bytes: 18 },
  Q4_1: { values: 32, bytes: 20 },
  Q5_0: { values: 32, bytes: 22 },
  Q5_1: { values: 32, bytes: 24 },
  Q4_K: { values: 256, bytes: 144 },
  Q5_K: { values: 256, bytes: 176 },
  Q6_K: { values: 256, bytes: 210 },
} as const;

export type StorageType = keyof typeof readableTypes;

/** Names of the type numbers in a file: those that can be read, and others for messages. */
export const typeNames: Record<number, string> = {
  0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K",
  14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS",
  24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
};

export function isReadable(name: string): name is StorageType {
  return Object.hasOwn(readableTypes, name);
}

/** A value of the metadata; whole numbers that a double cannot hold exactly are bigints. */
export type GgufValue = number | bigint | boolean | string | GgufValue[];

export type GgufMetadata = ReadonlyMap<string, GgufValue>;
