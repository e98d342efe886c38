// The head of a GGUF file (versions 2 and 3): metadata and where its tensors lie, checked before any weight is trusted.
// Layout: magic, version, counts, metadata, tensor descriptions, aligned tensor bytes. gguf-cursor.ts reads the values;
// gguf-model.ts gives them the meaning of a model; the weights themselves are read by native/engine.
import { closeSync, fstatSync, readSync } from "node:fs";
import { AzrError } from "../errors.ts";
import { openGgufCursor } from "./gguf-cursor.ts";
import { headOf } from "./gguf-heads.ts";
import { openAtOnce, readModelFile } from "./model-file.ts";
import type { GgufCursor } from "./gguf-cursor.ts";
import { isReadable, readableTypes, typeNames } from "./gguf-types.ts";
import type { GgufMetadata, GgufValue, StorageType } from "./gguf-types.ts";

export interface GgufTensor {
  name: string;
  type: StorageType;
  /** Outermost side first, as in a Hugging Face file (GGUF stores them the other way round). */
  shape: number[];
  path: string;
  /** Byte range in the file: [begin, end). */
  begin: number;
  end: number;
}

export interface GgufFile {
  path: string;
  metadata: GgufMetadata;
  /** In the order of their bytes. */
  tensors: GgufTensor[];
}

const magic = "GGUF";
const mostTensors = 1 << 20;
const mostDimensions = 4;
const largestAlignment = 1 << 20;

function begins(descriptor: number): string {
  const bytes = Buffer.alloc(4);
  return bytes.toString("latin1", 0, readSync(descriptor, bytes, 0, 4, 0));
}

/** Whether a path names a GGUF file: by its ending, or by how the file begins. */
export function isGguf(path: string): boolean {
  if (/\.gguf$/i.test(path)) return true;
  let descriptor: number;
  try {
    descriptor = openAtOnce(path);
  } catch {
    return false;
  }
  try {
    return fstatSync(descriptor).isFile() && begins(descriptor) === magic;
  } catch {
    return false;
  } finally {
    closeSync(descriptor);
  }
}

/** The error for what is wrong with a GGUF file: `what` goes on with "it ...". */
export function ggufFault(path: string, what: string, hint = "Download or copy the model again; the file is damaged or of another format."): AzrError {
  return new AzrError("AZR_MODEL_FORMAT", `${path} is not a GGUF file that can be used: it ${what}.`, { hint, details: { path } });
}

/**
 * Reads and checks the head of the file at `path`; within one opening of a model (gguf-heads.ts) once.
 * @throws AzrError AZR_MODEL_NOT_FOUND (cannot be opened); AZR_MODEL_FORMAT (broken, cut off, or of a kind that cannot be read)
 */
export function readGguf(path: string): GgufFile {
  return headOf(path, () => parseGguf(path));
}

function parseGguf(path: string): GgufFile {
  return readModelFile(path, (descriptor, status) => {
    if (!status.isFile()) throw ggufFault(path, "is no regular file", "Give the path of a .gguf file.");
    if (begins(descriptor) !== magic) throw ggufFault(path, `does not begin with the letters ${magic}`);
    const cursor = openGgufCursor(descriptor, status.size, (what) => ggufFault(path, what));
    cursor.unsigned32();
    checkVersion(cursor.unsigned32(), path);
    const tensorCount = cursor.unsigned64("the number of tensors");
    const entryCount = cursor.unsigned64("the number of metadata entries");
    const metadata = readMetadata(cursor, entryCount, path);
    return { path, metadata, tensors: readTensors(cursor, tensorCount, metadata, status.size, path) };
  });
}

function checkVersion(version: number, path: string): void {
  if (version === 2 || version === 3) return;
  const swapped = Buffer.alloc(4);
  swapped.writeUInt32BE(version);
  const bigEndian = swapped.readUInt32LE() <= 3;
  throw ggufFault(path, bigEndian ? "is big-endian" : `has version ${version}; 2 and 3 can be read`, "Convert the model anew with a current llama.cpp, on a little-endian machine.");
}

function readMetadata(cursor: GgufCursor, count: number, path: string): GgufMetadata {
  const metadata = new Map<string, GgufValue>();
  // A count beyond what the file holds ends at its end: nothing is allocated ahead.
  for (let index = 0; index < count; index++) {
    const key = cursor.text(`the name of metadata entry ${index + 1}`);
    if (metadata.has(key)) throw ggufFault(path, `has the metadata ${JSON.stringify(key)} twice`);
    metadata.set(key, cursor.value(cursor.unsigned32(), `the metadata ${JSON.stringify(key)}`));
  }
  return metadata;
}

function readTensors(cursor: GgufCursor, count: number, metadata: GgufMetadata, fileBytes: number, path: string): GgufTensor[] {
  const fault = (what: string): AzrError => ggufFault(path, what);
  if (count > mostTensors) throw fault(`claims ${count} tensors; more than ${mostTensors} are refused`);
  const alignment = metadata.get("general.alignment") ?? 32;
  const sound = typeof alignment === "number" && Number.isInteger(Math.log2(alignment)) && alignment <= largestAlignment;
  if (!sound) throw fault(`gives the alignment ${String(alignment)}, which is no power of two up to ${largestAlignment}`);
  const names = new Set<string>();
  const found: { name: string; type: StorageType; shape: number[]; offset: number; bytes: number }[] = [];
  for (let index = 0; index < count; index++) {
    const name = cursor.text(`the name of tensor ${index + 1}`);
    if (names.has(name)) throw fault(`has the tensor ${JSON.stringify(name)} twice`);
    names.add(name);
    const sides = cursor.unsigned32();
    if (sides < 1 || sides > mostDimensions) throw fault(`gives tensor ${name} ${sides} dimensions`);
    const shape = Array.from({ length: sides }, () => cursor.unsigned64(`a side of tensor ${name}`)).reverse();
    const type = cursor.unsigned32();
    const offset = cursor.unsigned64(`the place of tensor ${name}`);
    found.push({ name, shape, offset, ...tensorBytes(name, shape, type, path) });
  }
  const start = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = found.map(({ name, type, shape, offset, bytes }) => {
    if (offset % alignment !== 0) throw fault(`puts tensor ${name} at ${offset}, which is not a multiple of its alignment ${alignment}`);
    const end = start + offset + bytes;
    if (end > fileBytes) throw fault(`is cut off inside tensor ${name}: ${end} bytes are needed, ${fileBytes} are there`);
    return { name, type, shape, path, begin: start + offset, end };
  });
  tensors.sort((left, right) => left.begin - right.begin || left.end - right.end);
  for (const [index, tensor] of tensors.entries()) {
    const before = tensors[index - 1];
    if (before !== undefined && before.end > tensor.begin) throw fault(`has overlapping tensors ${before.name} and ${tensor.name}`);
  }
  return tensors;
}

// The type and size of a tensor whose sides are [.., columns]; a block never crosses a row.
function tensorBytes(name: string, shape: number[], number: number, path: string): { type: StorageType; bytes: number } {
  const type = typeNames[number];
  if (type === undefined) throw ggufFault(path, `gives tensor ${name} the unknown type ${number}`);
  if (!isReadable(type)) {
    throw ggufFault(path, `stores tensor ${name} as ${type}, which cannot be read`, `Take a file of the same model in one of the types ${Object.keys(readableTypes).join(", ")}.`);
  }
  const { values, bytes } = readableTypes[type];
  const count = shape.reduce((product, side) => product * side, 1);
  if (count < 1 || !Number.isSafeInteger(count * bytes)) throw ggufFault(path, `gives tensor ${name} the impossible shape [${shape.join(", ")}]`);
  if (shape.at(-1)! % values !== 0) throw ggufFault(path, `gives tensor ${name} rows of ${shape.at(-1)} values, which are no whole blocks of ${type}`);
  return { type, bytes: (count / values) * bytes };
}
