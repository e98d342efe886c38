// Reads the values of a GGUF file's head one after another through a window on the file. Every length is checked against
// what is left of the file, and against bounds far above any real model, before anything is allocated. Used by gguf.ts.
import { readSync } from "node:fs";
import type { GgufValue } from "./gguf-types.ts";

const windowBytes = 1 << 20;
const longestText = 1 << 24; // bytes; chat templates are the longest in use
const longestHead = 1 << 28; // bytes of metadata and tensor descriptions together
const mostElements = 1 << 23; // of all arrays together; the largest vocabularies have 2^18 tokens
const deepestArray = 4;

export interface GgufCursor {
  /** Bytes read so far. */
  readonly position: number;
  unsigned32(): number;
  /** A count or an offset: a number that a double holds exactly. `what` is for the message. */
  unsigned64(what: string): number;
  text(what: string): string;
  /** A metadata value of the given type number. */
  value(type: number, what: string): GgufValue;
}

/** `fault` makes the error for what is wrong with the file. */
export function openGgufCursor(descriptor: number, fileBytes: number, fault: (what: string) => Error): GgufCursor {
  let window = Buffer.alloc(0);
  let start = 0; // of the window in the file
  let position = 0;
  let elements = 0;

  // Makes `bytes` bytes readable and steps over them; returns where they begin in the window.
  function take(bytes: number, what: string): number {
    if (position + bytes > fileBytes) throw fault(`is cut off in ${what}: ${position + bytes} bytes are needed, ${fileBytes} are there`);
    if (position + bytes > longestHead) throw fault(`has more than ${longestHead} bytes of metadata`);
    if (position + bytes > start + window.length) {
      const size = Math.min(Math.max(bytes, windowBytes), fileBytes - position);
      window = Buffer.allocUnsafe(size);
      start = position;
      for (let filled = 0; filled < size; ) {
        const got = readSync(descriptor, window, filled, size - filled, start + filled);
        if (got === 0) throw fault(`ends in ${what} although it is ${fileBytes} bytes long`);
        filled += got;
      }
    }
    position += bytes;
    return position - bytes - start;
  }

  // In this order the window is the one that `take` leaves behind.
  const at = <Result>(bytes: number, what: string, read: (buffer: Buffer, offset: number) => Result): Result => {
    const offset = take(bytes, what);
    return read(window, offset);
  };
  const exact = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
  const unsigned32 = (what: string): number => at(4, what, (buffer, offset) => buffer.readUInt32LE(offset));

  function unsigned64(what: string): number {
    const value = exact(at(8, what, (buffer, offset) => buffer.readBigUInt64LE(offset)));
    if (typeof value === "bigint") throw fault(`gives ${value} as ${what}`);
    return value;
  }

  function text(what: string): string {
    const bytes = unsigned64(`the length of ${what}`);
    if (bytes > longestText) throw fault(`claims that ${what} is ${bytes} bytes long; more than ${longestText} are refused`);
    return at(bytes, what, (buffer, offset) => buffer.toString("utf8", offset, offset + bytes));
  }

  function bool(what: string): boolean {
    const value = at(1, what, (buffer, offset) => buffer.readUInt8(offset));
    if (value > 1) throw fault(`gives ${what} as true or false but holds the byte ${value}`);
    return value === 1;
  }

  const numbers: Record<number, [bytes: number, read: (buffer: Buffer, offset: number) => GgufValue]> = {
    0: [1, (buffer, offset) => buffer.readUInt8(offset)],
    1: [1, (buffer, offset) => buffer.readInt8(offset)],
    2: [2, (buffer, offset) => buffer.readUInt16LE(offset)],
    3: [2, (buffer, offset) => buffer.readInt16LE(offset)],
    4: [4, (buffer, offset) => buffer.readUInt32LE(offset)],
    5: [4, (buffer, offset) => buffer.readInt32LE(offset)],
    6: [4, (buffer, offset) => buffer.readFloatLE(offset)],
    10: [8, (buffer, offset) => exact(buffer.readBigUInt64LE(offset))],
    11: [8, (buffer, offset) => exact(buffer.readBigInt64LE(offset))],
    12: [8, (buffer, offset) => buffer.readDoubleLE(offset)],
  };
  const [boolType, textType, arrayType] = [7, 8, 9];

  // The fewest bytes of an element: how many a file of this size can hold.
  const least = (type: number): number => (type === boolType ? 1 : type === textType ? 8 : type === arrayType ? 12 : (numbers[type]?.[0] ?? 0));

  function value(type: number, what: string, depth = 0): GgufValue {
    if (type === boolType) return bool(what);
    if (type === textType) return text(what);
    if (type === arrayType) return array(what, depth);
    const number = numbers[type];
    if (number === undefined) throw fault(`gives ${what} the unknown type ${type}`);
    return at(number[0], what, number[1]);
  }

  function array(what: string, depth: number): GgufValue[] {
    if (depth >= deepestArray) throw fault(`nests the lists in ${what} deeper than ${deepestArray}`);
    const type = unsigned32(what);
    const bytes = least(type);
    if (bytes === 0) throw fault(`gives ${what} the unknown type ${type}`);
    const count = unsigned64(`the length of ${what}`);
    if (count > (fileBytes - position) / bytes) throw fault(`is cut off in ${what}: ${count} entries do not fit in its ${fileBytes} bytes`);
    elements += count;
    if (elements > mostElements) throw fault(`has more than ${mostElements} entries in the lists of its metadata`);
    const values: GgufValue[] = [];
    for (let index = 0; index < count; index++) values.push(value(type, what, depth + 1));
    return values;
  }

  return {
    get position() {
      return position;
    },
    unsigned32: () => unsigned32("a number"),
    unsigned64,
    text,
    value: (type, what) => value(type, what),
  };
}
