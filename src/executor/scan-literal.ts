// The atoms of canonical value text: numbers, strings and bytes, read at a cursor. parse-value.ts builds the nested values on top.
import { AzrError } from "../errors.ts";
import type { NumberValue, StringValue } from "./value.ts";

/** A place in the text; the scanners move `at` past what they read. */
export interface Cursor {
  text: string;
  at: number;
}

/** The one error of the grammar: what is wrong, and where. */
export function grammarError(cursor: Cursor, what: string): AzrError {
  const near = cursor.text.slice(cursor.at, cursor.at + 20);
  const place = near === "" ? "at the end of the text" : `at character ${cursor.at}, near ${JSON.stringify(near)}`;
  return new AzrError("AZR_INPUT_INVALID", `Not a canonical value: ${what} ${place}.`, {
    hint: "Values are written as the executor writes them; docs/executor.md has the grammar.",
    details: { offset: cursor.at },
  });
}

const digits = String.raw`(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?`;
const magnitude = `(?:inf|nan|${digits})`;
const complexPattern = new RegExp(String.raw`\((-?${magnitude})([+-]${magnitude})j\)`, "y");
const numberPattern = new RegExp(String.raw`(-?${magnitude})(j?)(?![\w.])`, "y");

function take(cursor: Cursor, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = cursor.at;
  const match = pattern.exec(cursor.text);
  if (match !== null) cursor.at += match[0].length;
  return match;
}

/** The double that Python's `float` gives for a decimal text, `inf` or `nan` with a sign. */
function toDouble(text: string): number {
  const sign = text.startsWith("-") ? -1 : 1;
  const body = text.replace(/^[+-]/, "");
  return sign * (body === "inf" ? Infinity : Number(body));
}

/** A complex number in its brackets, `(1+2j)`; null when the bracket opens something else. */
export function scanComplex(cursor: Cursor): NumberValue | null {
  const match = take(cursor, complexPattern);
  return match && { kind: "complex", real: toDouble(match[1]!), imaginary: toDouble(match[2]!) };
}

/** A signed number, `inf`, `nan` or an imaginary number; null when none is here. */
export function scanNumber(cursor: Cursor): NumberValue | null {
  const start = cursor.at;
  const match = take(cursor, numberPattern);
  if (match === null) return null;
  const text = match[1]!;
  if (match[2] === "j") {
    // Python reads `-2j` as the negation of `2j`, so the real part is -0.0; both zeros are equal, and written alike.
    return { kind: "complex", real: 0, imaginary: toDouble(text) };
  }
  if (!/^-?\d+$/.test(text)) return { kind: "float", value: toDouble(text) };
  if (/^-?0\d/.test(text)) {
    cursor.at = start;
    throw grammarError(cursor, "an integer with a leading zero");
  }
  return { kind: "int", value: BigInt(text) };
}

const simpleEscapes: Record<string, string> = {
  "\\": "\\", "'": "'", '"': '"', a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v",
};
const plainRun = { "'": /[^'\\\n\r\0]*/y, '"': /[^"\\\n\r\0]*/y };
const escapeLengths: Record<string, number> = { x: 2, u: 4, U: 8 };

/** The code point of an escape sequence at the cursor, which stands on the backslash. */
function scanEscape(cursor: Cursor, bytes: boolean): number {
  const letter = cursor.text.charAt(cursor.at + 1);
  const simple = simpleEscapes[letter];
  if (simple !== undefined) {
    cursor.at += 2;
    return simple.charCodeAt(0);
  }
  const length = bytes && letter !== "x" ? undefined : escapeLengths[letter];
  const code = length === undefined ? "" : cursor.text.slice(cursor.at + 2, cursor.at + 2 + length);
  const point = code.length === length && /^[0-9a-fA-F]+$/.test(code) ? Number.parseInt(code, 16) : Infinity;
  if (point > 0x10ffff) throw grammarError(cursor, "an escape sequence that is not allowed");
  cursor.at += 2 + code.length;
  return point;
}

/** Pieces of a quoted text: runs of plain characters as strings, escapes as code points. The cursor stands on the opening quote. */
function scanQuoted(cursor: Cursor, bytes: boolean): (string | number)[] {
  const quote = cursor.text.charAt(cursor.at) as "'" | '"';
  const opening = cursor.at;
  cursor.at += 1;
  const pieces: (string | number)[] = [];
  for (;;) {
    const run = take(cursor, plainRun[quote])![0];
    if (run !== "") pieces.push(run);
    const next = cursor.text.charAt(cursor.at);
    if (next === quote) break;
    if (next !== "\\") {
      cursor.at = opening;
      throw grammarError(cursor, "a text that is not closed on its line");
    }
    pieces.push(scanEscape(cursor, bytes));
  }
  cursor.at += 1;
  return pieces;
}

const isSurrogate = (piece: string | number): boolean => typeof piece === "number" && piece >= 0xd800 && piece <= 0xdfff;

/** A string; the cursor stands on its opening quote. */
export function scanString(cursor: Cursor): StringValue {
  const pieces = scanQuoted(cursor, false);
  const lone = pieces.some(isSurrogate);
  const value = pieces.map((piece) => {
    if (isSurrogate(piece)) return `\\u${piece.toString(16)}`;
    const text = typeof piece === "number" ? String.fromCodePoint(piece) : piece;
    return lone ? text.replaceAll("\\", "\\\\") : text;
  }).join("");
  return { kind: "str", value, lone };
}

/** Bytes; the cursor stands on the `b`. */
export function scanBytes(cursor: Cursor): { kind: "bytes"; value: string } {
  const start = cursor.at;
  cursor.at += 1;
  const pieces = scanQuoted(cursor, true);
  const value = pieces.map((piece) => (typeof piece === "number" ? String.fromCharCode(piece) : piece)).join("");
  if (pieces.some((piece) => typeof piece === "string" && /[^\x01-\x7f]/.test(piece))) {
    cursor.at = start;
    throw grammarError(cursor, "bytes with a character outside ASCII");
  }
  return { kind: "bytes", value };
}
