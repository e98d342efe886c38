// The frames between this process and the native supervisor, as pure functions on buffers. Little-endian both ways:
// u32 length (of the rest), u32 request id, u8 kind, payload; a string is u32 byte length and UTF-8. supervisor-client.ts moves them.
import { AzrError } from "../errors.ts";
import { builtinLabel } from "./exception-names.ts";
import type { AnalyseResult, MeasuredProgram, Measurement, Outcome, ParseResult, RunOutcome } from "./executor.ts";

export const frameKinds = { hello: 0, run: 1, parse: 2, analyse: 3, cancel: 4, measure: 5 } as const;

/** Outcomes by their number on the wire. */
export const outcomes: readonly Outcome[] = [
  "ok", "compile-error", "runtime-error", "time-limit", "memory-limit",
  "output-limit", "unrepresentable", "violation", "bad-request", "sandbox-error",
];

/** No frame of either side is longer; a longer length means that the stream is not ours. */
export const maxFrameBytes = 256 * 1024 * 1024;
const headerBytes = 9;

export interface Frame {
  id: number;
  kind: number;
  payload: Buffer;
}

/** What the supervisor says of itself once its self-test has passed. */
export interface Hello {
  /** Version of the Python that runs programs, as 3.11.7. */
  python: string;
  /** Which layers of isolation are in force. */
  layers: Record<string, boolean>;
  /** Zygotes that differ: variant A and the others. */
  variants: number;
  workers: number;
}

export interface WireRun {
  /** 0 is A; 1 and more are the variants. */
  variant: number;
  /** Whether all inputs run in one fork, in the given order. */
  oneFork: boolean;
  cpuMs: number;
  wallMs: number;
  memoryBytes: number;
  outputBytes: number;
  program: string;
  inputs: string[];
}

function u32(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([u32(bytes.length), bytes]);
}

/** One frame, ready for the pipe. */
export function encodeFrame(id: number, kind: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt32LE(payload.length + headerBytes - 4, 0);
  header.writeUInt32LE(id, 4);
  header.writeUInt8(kind, 8);
  return Buffer.concat([header, payload]);
}

export function encodeRun(run: WireRun): Buffer {
  const memory = Buffer.allocUnsafe(8);
  memory.writeBigUInt64LE(BigInt(run.memoryBytes));
  return Buffer.concat([
    Buffer.from([run.variant, run.oneFork ? 1 : 0]),
    u32(run.cpuMs), u32(run.wallMs), memory, u32(run.outputBytes),
    string(run.program), u32(run.inputs.length), ...run.inputs.map(string),
  ]);
}

export function encodeParse(text: string, asArguments: boolean): Buffer {
  return Buffer.concat([Buffer.from([asArguments ? 1 : 0]), string(text)]);
}

export function encodeAnalyse(program: string): Buffer {
  return string(program);
}

/** Each text once; programs and references by their places among them. */
export function encodeMeasure(programs: readonly MeasuredProgram[]): Buffer {
  const places = new Map<string, number>();
  const place = (text: string): number => {
    if (!places.has(text)) places.set(text, places.size);
    return places.get(text)!;
  };
  const asked = programs.map(({ program, references }) => [place(program), references.map(place)]);
  return string(JSON.stringify({ texts: [...places.keys()], programs: asked }));
}

/** The stream or a payload is not what the protocol says; the supervisor cannot be trusted further. */
function broken(what: string): AzrError {
  return new AzrError("AZR_EXECUTOR_FAILED", `The executor's supervisor answered with ${what}.`, {
    hint: "Rebuild the native parts so that they fit this version: azr build.",
  });
}

/** Cuts a byte stream, however it is split, into frames. `push` throws AZR_EXECUTOR_FAILED on a length that no frame has. */
export function createFrameReader(): { push(chunk: Buffer): Frame[] } {
  let chunks: Buffer[] = [];
  let buffered = 0;
  /** Bytes that must be there before it is worth joining the chunks. */
  let wanted = headerBytes;
  return {
    push(chunk) {
      chunks.push(chunk);
      buffered += chunk.length;
      if (buffered < wanted) return [];
      let rest = chunks.length === 1 ? chunk : Buffer.concat(chunks);
      const frames: Frame[] = [];
      wanted = headerBytes;
      while (rest.length >= headerBytes) {
        const length = rest.readUInt32LE(0);
        if (length < headerBytes - 4 || length > maxFrameBytes) throw broken(`a frame of ${length} bytes`);
        if (rest.length < length + 4) {
          wanted = length + 4;
          break;
        }
        frames.push({ id: rest.readUInt32LE(4), kind: rest.readUInt8(8), payload: rest.subarray(headerBytes, length + 4) });
        rest = rest.subarray(length + 4);
      }
      chunks = [rest];
      buffered = rest.length;
      return frames;
    },
  };
}

/** Reads a payload from its start; every read is checked against its end, and `end` against what is left over. */
function payloadReader(payload: Buffer) {
  let at = 0;
  const take = (bytes: number): Buffer => {
    if (at + bytes > payload.length) throw broken("a frame that ends too early");
    at += bytes;
    return payload.subarray(at - bytes, at);
  };
  const readU32 = (): number => take(4).readUInt32LE(0);
  return {
    u8: (): number => take(1).readUInt8(0),
    u32: readU32,
    string: (): string => take(readU32()).toString("utf8"),
    end: (): void => {
      if (at !== payload.length) throw broken("a frame with bytes left over");
    },
  };
}

function parseJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // The same complaint as for JSON of another shape.
  }
  throw broken("text that is no JSON object");
}

/** Throws AZR_EXECUTOR_FAILED when a field is missing. */
export function decodeHello(payload: Buffer): Hello {
  const reader = payloadReader(payload);
  const hello = parseJson(reader.string());
  reader.end();
  const { python, layers, variants, workers } = hello;
  const complete = typeof python === "string" && typeof layers === "object" && layers !== null
    && typeof variants === "number" && typeof workers === "number";
  if (!complete) throw broken("an incomplete greeting");
  return { python, layers: layers as Record<string, boolean>, variants, workers };
}

/** Outcomes in the order of the request's inputs. Throws AZR_EXECUTOR_FAILED unless there are exactly `count`. */
export function decodeRunReply(payload: Buffer, count: number): RunOutcome[] {
  const reader = payloadReader(payload);
  const given = reader.u32();
  if (given !== count) throw broken(`${given} outcomes for ${count} inputs`);
  const runs: RunOutcome[] = [];
  for (let index = 0; index < count; index += 1) {
    const outcome = outcomes[reader.u8()];
    if (outcome === undefined) throw broken("an outcome that has no name");
    const run: RunOutcome = { outcome, cpuMs: reader.u32() / 1000, wallMs: reader.u32() / 1000 };
    const [value, error, message] = [reader.string(), reader.string(), reader.string()];
    if (outcome === "ok") run.value = value;
    if (error !== "") run.error = builtinLabel(error);
    if (message !== "") run.message = message;
    runs.push(run);
  }
  reader.end();
  return runs;
}

/** A text that ends in an answer: 1 and a result, 0 and why there is none, or 2 and what went wrong in the sandbox itself. */
function decodeText(payload: Buffer): { status: number; text: string } {
  const reader = payloadReader(payload);
  const answer = { status: reader.u8(), text: reader.string() };
  reader.end();
  if (answer.status > 2) throw broken("a status that has no name");
  return answer;
}

/** The result, or as a mere text why the sandbox failed. */
export function decodeParseReply(payload: Buffer): ParseResult | string {
  const { status, text } = decodeText(payload);
  if (status === 2) return text;
  return status === 1 ? { ok: true, value: text } : { ok: false, message: text };
}

/** What is told of a program that cannot be analysed. */
export function refusedAnalysis(message: string): AnalyseResult {
  return { ok: false, message, normalised: "", functions: [], entry: [], imports: [], names: [], statements: 0 };
}

/** The result, or as a mere text why the sandbox failed. A program that does not parse is a result too. */
export function decodeAnalyseReply(payload: Buffer): AnalyseResult | string {
  const { status, text } = decodeText(payload);
  if (status === 2) return text;
  if (status === 0) return refusedAnalysis(text === "" ? "the program takes too much to analyse" : text);
  const facts = parseJson(text);
  if (facts.ok !== true) return refusedAnalysis(typeof facts.message === "string" ? facts.message : "it gave no reason");
  if (!["functions", "entry", "imports", "names"].every((list) => Array.isArray(facts[list]))) throw broken("an incomplete analysis");
  return facts as unknown as AnalyseResult;
}

/** The measures in the order of the programs, none where the batch took too much; or as a mere text why the sandbox failed. */
export function decodeMeasureReply(payload: Buffer, count: number): (Measurement | null)[] | string {
  const { status, text } = decodeText(payload);
  if (status === 2) return text;
  if (status === 0) return Array.from({ length: count }, () => null);
  const { measures } = parseJson(text);
  if (!Array.isArray(measures) || measures.length !== count) throw broken(`measures of other than ${count} programs`);
  return measures as (Measurement | null)[];
}
