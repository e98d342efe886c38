// Reads the files of a run into rows of tokens: what is wrong with a line is told with its file and number, what is left out is counted,
// and rows to measure on are parted from rows to train on. All rows stay in memory: four bytes a token and some 300 a row.
import { createReadStream } from "node:fs";
import { crc32 } from "node:zlib";
import { AzrError } from "../errors.ts";
import { readJsonl } from "../jsonl.ts";
import type { SftConfig } from "./config.ts";
import { createStore, type Encode, promptLength, type Row, rowOf, trainedTokens } from "./row.ts";
import { type SpanOptions, spansOf } from "./spans.ts";

/** What became of a file's lines, and the tokens of the rows that are left. */
export interface FileCounts {
  path: string;
  weight: number;
  /** Lines that are not blank. */
  lines: number;
  rows: number;
  /** Rows that are measured on and not trained (validation.share). */
  heldOut: number;
  /** Lines that are no row, rows with nothing to train, rows cut, rows left out because they are too long. */
  bad: number;
  empty: number;
  cut: number;
  dropped: number;
  /** Tokens of the rows, and how many of them are trained; the longest row. */
  tokens: number;
  trainedTokens: number;
  longest: number;
}

export interface Dataset {
  /** File after file. */
  rows: Row[];
  heldOut: Row[];
  files: FileCounts[];
  validationFiles: FileCounts[];
  /** Checksum of all rows: a run is gone on with on the data that it began with. */
  checksum: string;
  /** What was left out or cut, one sentence each. */
  notes: string[];
}

export interface DatasetOptions extends Omit<SpanOptions, "trainOn" | "promptAs" | "responseMarker" | "unknownFields"> {
  config: SftConfig;
  encode: Encode;
  endToken: number | undefined;
  /** Most tokens that the model takes. */
  maxPositions: number;
  signal?: AbortSignal;
}

interface Fault {
  kind: "badLines" | "empty" | "tooLong";
  text: string;
}

const shownFaults = 10;
const waysOut: Record<Fault["kind"], string> = {
  badLines: "correct the lines, or leave them out with --set data.badLines=skip (--set data.unknownFields=ignore for fields that mean nothing)",
  empty: "give the rows a response, or leave them out with --set data.empty=drop",
  tooLong: "shorten the rows, or set data.tooLong=cut or data.tooLong=drop",
};

function refuse(faults: Fault[], lines: number): never {
  const shown = faults.slice(0, shownFaults).map(({ text }) => `\n  ${text}`).join("");
  const more = faults.length > shownFaults ? `\n  and ${faults.length - shownFaults} more` : "";
  const mute = faults.some(({ text }) => text.endsWith("has no chat template."));
  const ways = [...(mute ? ["conversations need a model that was trained to chat, others take rows of prompt and response"] : []), ...new Set(faults.map(({ kind }) => waysOut[kind]))].join("; ");
  throw new AzrError("AZR_INPUT_INVALID", `${faults.length} of ${lines} lines cannot be trained on:${shown}${more}`, {
    hint: `${ways[0]!.toUpperCase()}${ways.slice(1)}.`,
    details: { faults: faults.slice(0, 1000).map(({ text }) => text) },
  });
}

/** The row's place between 0 and 1: alike for rows with the same prompt. */
function place(row: Row, seed: number): number {
  // A text has no prompt but its first token.
  const part = promptLength(row) > 1 ? row.tokens.subarray(0, promptLength(row)) : row.tokens;
  return crc32(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), seed) / 2 ** 32;
}

async function readFile({ path, weight }: SftConfig["data"]["files"][number], options: DatasetOptions, faults: Fault[]): Promise<{ rows: Row[]; counts: FileCounts }> {
  const { config, encode, endToken, maxPositions, signal } = options;
  const { data } = config;
  const maxTokens = data.maxTokens === 0 ? maxPositions : data.maxTokens;
  const counts: FileCounts = { path, weight, lines: 0, rows: 0, heldOut: 0, bad: 0, empty: 0, cut: 0, dropped: 0, tokens: 0, trainedTokens: 0, longest: 0 };
  const rows: Row[] = [];
  const keep = createStore();
  const fault = (kind: Fault["kind"], line: number, what: string, accepted: boolean): void => void (accepted || faults.push({ kind, text: `${path}:${line}: ${what}` }));
  const take = (line: number, value: unknown): void => {
    const { row, long } = rowOf(spansOf(value, { ...options, ...data }), { encode, endToken, maxTokens: data.tooLong === "cut" ? maxTokens : Infinity, keep });
    const length = row?.tokens.length ?? 0;
    if (row === null) {
      counts.empty += 1;
      return fault("empty", line, long ? `nothing is left to train within ${maxTokens} tokens` : "nothing in it is trained", data.empty === "drop");
    }
    if (length > maxTokens) {
      counts.dropped += 1;
      return fault("tooLong", line, `${length} tokens, more than ${maxTokens}`, data.tooLong === "drop");
    }
    if (long) counts.cut += 1;
    rows.push(row);
  };
  try {
    for await (const { line, value, error } of readJsonl(createReadStream(path))) {
      counts.lines += 1;
      if (signal?.aborted) throw new AzrError("AZR_ABORTED", "Reading the data was aborted", { cause: signal.reason });
      try {
        if (error !== undefined) throw new AzrError("AZR_INPUT_INVALID", error);
        take(line, value);
      } catch (cause) {
        if (!AzrError.isInstance(cause) || cause.code !== "AZR_INPUT_INVALID") throw cause;
        counts.bad += 1;
        fault("badLines", line, cause.message, data.badLines === "skip");
      }
    }
  } catch (cause) {
    if (AzrError.isInstance(cause)) throw cause;
    throw new AzrError("AZR_INPUT_INVALID", `The data file ${path} cannot be read.`, { hint: "Give the path of a file of JSON lines.", cause });
  }
  return { rows, counts };
}

function count(counts: FileCounts, rows: readonly Row[]): void {
  counts.rows = rows.length;
  for (const row of rows) {
    counts.tokens += row.tokens.length;
    counts.trainedTokens += trainedTokens(row);
    counts.longest = Math.max(counts.longest, row.tokens.length);
  }
}

function notesOn({ path, bad, empty, cut, dropped }: FileCounts): string[] {
  const parts = [
    [bad, "lines that are no row were left out"],
    [empty, "rows with nothing to train were left out"],
    [dropped, "rows that are too long were left out"],
    [cut, "rows were cut at their end"],
  ] as const;
  return parts.filter(([number]) => number > 0).map(([number, what]) => `${path}: ${number} ${what}`);
}

/** Rows of an epoch, and of a run that goes by epochs: their order is held and gone through in advance, for the steps to be counted. */
const mostInEpoch = 2 ** 26;
const mostInRun = 2 ** 28;

function requireFeasible({ epochs, steps }: SftConfig, files: readonly FileCounts[]): void {
  // As epochOrder takes them.
  const rows = files.reduce((sum, { rows: count, weight }) => sum + count * Math.floor(weight) + Math.round(count * (weight - Math.floor(weight))), 0);
  const hint = "Change the weights of the files or the epochs, or say by --steps how long the run is.";
  const first = steps > 0 ? rows : Math.round(rows * Math.min(1, epochs));
  if (first === 0) throw new AzrError("AZR_INPUT_INVALID", "With these weights and epochs no row is ever trained on", { hint });
  // An epoch costs something by itself.
  if (rows <= mostInEpoch && (steps > 0 || (rows + 64) * epochs <= mostInRun)) return;
  const [what, most] = rows > mostInEpoch ? [`one epoch of ${rows} rows`, mostInEpoch] : [`${epochs} epochs of ${rows} rows`, mostInRun];
  throw new AzrError("AZR_INPUT_INVALID", `The data and its weights make ${what}; at most ${most} rows can be planned`, { hint });
}

/**
 * Reads all files.
 * @throws AzrError AZR_INPUT_INVALID: files that cannot be read, lines that the settings do not accept, no row left
 */
export async function readDataset(options: DatasetOptions): Promise<Dataset> {
  const { config } = options;
  const faults: Fault[] = [];
  const read = async (list: SftConfig["data"]["files"]) => {
    const parts: { rows: Row[]; counts: FileCounts }[] = [];
    for (const file of list) parts.push(await readFile(file, options, faults));
    return parts;
  };
  const [training, measuring] = [await read(config.data.files), await read(config.validation.files)];
  const all = [...training, ...measuring].map(({ counts }) => counts);
  if (faults.length > 0) refuse(faults, all.reduce((sum, { lines }) => sum + lines, 0));
  const heldOut = measuring.flatMap(({ rows, counts }) => {
    count(counts, rows);
    return rows;
  });
  const rows: Row[] = [];
  let sum = 0;
  for (const { rows: found, counts } of [...training, ...measuring]) {
    for (const { tokens, trained } of found) for (const part of [tokens, trained]) sum = crc32(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), sum);
    if (measuring.some((other) => other.counts === counts)) continue;
    const kept = found.filter((row) => place(row, config.seed) >= config.validation.share);
    for (const row of found) if (place(row, config.seed) < config.validation.share) heldOut.push(row);
    counts.heldOut = found.length - kept.length;
    count(counts, kept);
    for (const row of kept) rows.push(row);
  }
  if (rows.length === 0 || training.every(({ counts }) => counts.rows === 0 || counts.weight === 0)) {
    throw new AzrError("AZR_INPUT_INVALID", "No row is left to train on", { hint: "Look at what was left out, at the weights of the files and at validation.share: azr sft --dry-run tells.", details: { files: all } });
  }
  requireFeasible(config, training.map(({ counts }) => counts));
  return {
    rows,
    heldOut,
    files: training.map(({ counts }) => counts),
    validationFiles: measuring.map(({ counts }) => counts),
    checksum: `${rows.length}-${heldOut.length}-${sum.toString(16)}`,
    notes: all.flatMap(notesOn),
  };
}
