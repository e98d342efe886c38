// The header of a safetensors file: read and checked before any weight is trusted, and made for writing.
// Layout: u64 little-endian header length, JSON header, tensor bytes. The weights themselves are read by native/engine.
import { readSync } from "node:fs";
import { AzrError } from "../errors.ts";
import { readModelFile } from "./model-file.ts";

/** Bytes an element of each type that the format defines. */
export const elementBytes = {
  BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, I16: 2, U16: 2, F16: 2, BF16: 2, I32: 4, U32: 4, F32: 4, F64: 8, I64: 8, U64: 8,
} as const;

export type ElementType = keyof typeof elementBytes;

export interface TensorEntry {
  name: string;
  dtype: ElementType;
  shape: number[];
  /** Byte range in the file, header included: [begin, end). */
  begin: number;
  end: number;
}

export interface SafetensorsTable {
  /** In the order of their bytes. */
  tensors: TensorEntry[];
  metadata: Record<string, string>;
}

/** The format's own bound on headers; a longer one is an attack or a broken length. */
const largestHeaderBytes = 100_000_000;

export interface SafetensorsOptions {
  /** The file belongs to one of our checkpoints: faults then carry AZR_CHECKPOINT_CORRUPT. */
  checkpoint?: boolean;
}

/**
 * Reads and checks the header of the file at `path`.
 * @throws AzrError AZR_MODEL_NOT_FOUND (cannot be opened); AZR_MODEL_FORMAT or AZR_CHECKPOINT_CORRUPT (broken or truncated)
 */
export function readSafetensorsHeader(path: string, options: SafetensorsOptions = {}): SafetensorsTable {
  return readModelFile(path, (descriptor, status) => {
    const fault = faultOf(path, options);
    if (!status.isFile()) throw fault("is no regular file");
    const fileBytes = status.size;
    const prefix = Buffer.alloc(8);
    if (readSync(descriptor, prefix, 0, 8, 0) < 8) throw fault(`is only ${fileBytes} bytes long, too short for a header`);
    const length = prefix.readBigUInt64LE();
    if (length > BigInt(largestHeaderBytes)) throw fault(`claims a header of ${length} bytes; more than ${largestHeaderBytes} are refused`);
    const headerBytes = Number(length);
    if (8 + headerBytes > fileBytes) throw fault(`claims a header of ${headerBytes} bytes but the whole file has ${fileBytes}: it is cut off`);
    const header = Buffer.alloc(headerBytes);
    readSync(descriptor, header, 0, headerBytes, 8);
    return parseSafetensorsHeader(header, fileBytes, path, options);
  });
}

function faultOf(path: string, options: SafetensorsOptions): (what: string) => AzrError {
  return (what) =>
    new AzrError(options.checkpoint ? "AZR_CHECKPOINT_CORRUPT" : "AZR_MODEL_FORMAT", `${path} is not a sound safetensors file: it ${what}.`, {
      hint: options.checkpoint
        ? "Resume from an older checkpoint of the run, under its checkpoints/ folder."
        : "Download or copy the model again; the file is damaged or of another format.",
      details: { path },
    });
}

/** Checks header JSON against the file's size: known types, shapes that match their bytes, no overlap, gap or remainder. */
export function parseSafetensorsHeader(header: Uint8Array, fileBytes: number, path: string, options: SafetensorsOptions = {}): SafetensorsTable {
  const fault = faultOf(path, options);
  const dataStart = 8 + header.byteLength;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(header));
  } catch {
    throw fault("has a header that is not JSON");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw fault("has a header that is not a JSON object");
  const tensors: TensorEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(json as Record<string, any>)) {
    if (name === "__metadata__") {
      const plain = typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
      if (!plain) throw fault("has metadata that is not a table of texts");
      metadata = value;
      continue;
    }
    const dtype: unknown = value?.dtype;
    if (typeof dtype !== "string" || !Object.hasOwn(elementBytes, dtype)) throw fault(`gives tensor ${name} the unknown type ${typeof dtype === "object" ? "of an object" : JSON.stringify(dtype)}`);
    const bytes = elementBytes[dtype as ElementType];
    const shape = value.shape;
    if (!isCounts(shape)) throw fault(`gives tensor ${name} a shape that is not a list of sizes`);
    const offsets = value.data_offsets;
    if (!isCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) throw fault(`gives tensor ${name} no valid byte range`);
    const size = shape.reduce((product, side) => product * side, bytes);
    const begin = dataStart + offsets[0]!;
    const end = dataStart + offsets[1]!;
    if (end - begin !== size) throw fault(`gives tensor ${name} ${end - begin} bytes where its shape [${shape.join(", ")}] of ${value.dtype} needs ${size}`);
    if (end > fileBytes) throw fault(`is cut off inside tensor ${name}: ${end} bytes are needed, ${fileBytes} are there`);
    tensors.push({ name, dtype: value.dtype, shape, begin, end });
  }
  tensors.sort((left, right) => left.begin - right.begin || left.end - right.end);
  let expected = dataStart;
  for (const tensor of tensors) {
    if (tensor.begin !== expected) throw fault(`has ${tensor.begin < expected ? "overlapping tensors" : "unclaimed bytes"} before tensor ${tensor.name}`);
    expected = tensor.end;
  }
  if (expected !== fileBytes) throw fault(`has ${fileBytes - expected} bytes after its last tensor`);
  return { tensors, metadata };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((entry) => Number.isSafeInteger(entry) && entry >= 0);
}

/**
 * The bytes that open a safetensors file (length prefix and header, padded with spaces to 8 bytes so that data is aligned);
 * the tensors' bytes follow in the given order without gaps.
 */
export function createSafetensorsHeader(
  tensors: ReadonlyArray<{ name: string; dtype: ElementType; shape: readonly number[] }>,
  metadata?: Record<string, string>,
): Uint8Array {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = offset + shape.reduce((product, side) => product * side, elementBytes[dtype]);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  let text = Buffer.from(JSON.stringify(header), "utf8");
  text = Buffer.concat([text, Buffer.alloc((8 - (text.byteLength % 8)) % 8, " ")]);
  const bytes = Buffer.alloc(8 + text.byteLength);
  bytes.writeBigUInt64LE(BigInt(text.byteLength));
  text.copy(bytes, 8);
  return bytes;
}
