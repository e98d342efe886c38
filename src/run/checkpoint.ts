// Checkpoints: `checkpoints/step-000120/` with the model, the optimizer and state.json, written under a temporary name, synced and
// renamed, then named by the small file `latest`. state.json records the sizes and checksums of all, so damage is found on reading.
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { AzrError } from "../errors.ts";
import { type Disk, diskFault, replaceFile } from "./disk.ts";

/** What a checkpoint holds beside the model: where each append-only file ended, and the loop's own state. */
export interface CheckpointState<State = unknown> {
  step: number;
  configHash: string;
  /** The settings that it was written with, so that a difference can be named; absent in those of early versions. */
  config?: unknown;
  /** Bytes of each append-only file at this step's end. */
  offsets: Record<string, number>;
  state: State;
}

const schema = 1;
const namePattern = /^step-(\d{6,})$/;
export const checkpointName = (step: number): string => `step-${String(step).padStart(6, "0")}`;
const stepOf = (name: string): number => Number(namePattern.exec(name)?.[1]);

/** Damage, with the newest whole checkpoint before `name` (of all, where it is undefined) as the way out: offered, never taken by itself. */
async function corrupt(dir: string, path: string, what: string, name?: string): Promise<AzrError> {
  const older = (await listCheckpoints(dir)).filter((other) => name === undefined || stepOf(other) < stepOf(name));
  let whole: string | undefined;
  for (const other of older.reverse()) if (whole === undefined && typeof (await inspect(join(dir, "checkpoints", other))) !== "string") whole = other;
  return new AzrError("AZR_CHECKPOINT_CORRUPT", `The checkpoint ${path} is damaged: ${what}`, {
    hint:
      whole === undefined
        ? "No whole checkpoint is there before it: start the run again."
        : `Go on from ${whole}, the newest before it that is whole: azr resume ${dir} --checkpoint ${whole}`,
    details: { path, whole: whole ?? null },
  });
}

async function checksum(path: string): Promise<{ bytes: number; crc32: number }> {
  let bytes = 0;
  let sum = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    sum = crc32(chunk, sum);
  }
  return { bytes, crc32: sum };
}

/** Names of the checkpoints of a run, oldest first; whether they are whole shows on reading. */
export async function listCheckpoints(dir: string): Promise<string[]> {
  const names = await readdir(join(dir, "checkpoints")).catch(() => [] as string[]);
  return names.filter((name) => namePattern.test(name)).sort((a, b) => stepOf(a) - stepOf(b));
}

async function pointed(dir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(dir, "latest"), "utf8")).trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw diskFault("read", join(dir, "latest"), cause);
  }
}

/**
 * The name in `latest`, or undefined when no checkpoint was finished yet.
 * @throws AzrError AZR_CHECKPOINT_CORRUPT when it names none, or is gone and there are several
 */
export async function latestCheckpoint(dir: string): Promise<string | undefined> {
  const name = await pointed(dir);
  if (name !== undefined && namePattern.test(name)) return name;
  if (name !== undefined) throw await corrupt(dir, join(dir, "latest"), "it does not name a checkpoint");
  const all = await listCheckpoints(dir);
  if (all.length > 1) throw await corrupt(dir, join(dir, "latest"), "it is missing");
  // A kill came between the first checkpoint, which is whole when it has its name, and the pointer to it.
  return all[0];
}

/** @throws AzrError AZR_INPUT_INVALID when the run has no checkpoint of this name */
export async function requireCheckpoint(dir: string, name: string): Promise<void> {
  const all = await listCheckpoints(dir);
  if (!all.includes(name)) {
    throw new AzrError("AZR_INPUT_INVALID", `The run ${dir} has no checkpoint ${name}`, {
      hint: all.length === 0 ? "It has none at all: resume it from its start." : `Choose one of ${all.join(", ")}.`,
    });
  }
}

/** Makes an earlier checkpoint the latest. Later ones, which the run is about to leave behind, are kept as `NAME.set-aside`. */
export async function goBackTo(disk: Disk, dir: string, name: string): Promise<void> {
  const later = (await listCheckpoints(dir)).filter((other) => stepOf(other) > stepOf(name));
  // A kill in between leaves later ones that nothing names.
  if ((await pointed(dir)) !== name) await replaceFile(disk, join(dir, "latest"), `${name}\n`);
  for (const other of later) {
    const aside = join(dir, "checkpoints", `${other}.set-aside`);
    await disk.remove(aside);
    await disk.rename(join(dir, "checkpoints", other), aside);
  }
}

export interface SaveCheckpoint {
  disk: Disk;
  dir: string;
  state: CheckpointState;
  /** Writes the model's files into the folder. */
  saveFiles(folder: string): Promise<void>;
  /** Newest checkpoints to keep, this one counted. */
  keep: number;
  /** Those of steps that are a multiple of this are kept for good; 0 or absent: none. */
  keepEvery?: number;
}

/**
 * Writes a checkpoint and makes it the latest. Whatever fails, the previous one stays whole and the latest.
 * @returns the checkpoint's folder
 * @throws AzrError AZR_RUN_FOLDER
 */
export async function saveCheckpoint({ disk, dir, state, saveFiles, keep, keepEvery = 0 }: SaveCheckpoint): Promise<string> {
  const parent = join(dir, "checkpoints");
  const name = checkpointName(state.step);
  const path = join(parent, name);
  const temporary = join(parent, `.${name}.${process.pid}.tmp`);
  // The same step of the same run is the same checkpoint.
  if ((await pointed(dir)) === name) return path;
  try {
    // One level each: a run folder that is gone must not come back empty.
    await disk.claimFolder(parent);
    await disk.remove(temporary);
    await disk.claimFolder(temporary);
    await saveFiles(temporary);
    const files: Record<string, { bytes: number; crc32: number }> = {};
    for (const file of (await readdir(temporary)).sort()) files[file] = await checksum(join(temporary, file));
    const body = JSON.stringify({ schema, ...state, files });
    await disk.writeFile(join(temporary, "state.json"), Buffer.from(`{"crc32":${crc32(body)},"body":${body}}\n`));
    await disk.syncFolder(temporary);
    // Only a run that was resumed from further back meets its own earlier checkpoint here; `latest` does not name it.
    await disk.remove(path);
    await disk.rename(temporary, path);
    await replaceFile(disk, join(dir, "latest"), `${name}\n`);
  } catch (cause) {
    await disk.remove(temporary).catch(() => undefined);
    throw diskFault("write the checkpoint", path, cause);
  }
  const older = (await listCheckpoints(dir)).filter((other) => stepOf(other) < state.step);
  for (const old of older.slice(0, Math.max(0, older.length - (keep - 1)))) {
    if (keepEvery === 0 || stepOf(old) === 0 || stepOf(old) % keepEvery !== 0) await disk.remove(join(parent, old));
  }
  return path;
}

interface Body extends CheckpointState {
  schema: number;
  files: Record<string, { bytes: number; crc32: number }>;
}

/** Reads state.json; a text says what is wrong with it. */
async function readBody(path: string): Promise<Body | string> {
  let text: string;
  try {
    text = await readFile(join(path, "state.json"), "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "state.json is missing";
    throw diskFault("read", path, cause);
  }
  const frame = /^\{"crc32":(\d+),"body":([^]*)\}\n$/.exec(text);
  if (frame === null || crc32(frame[2]!) !== Number(frame[1])) return "state.json does not match its checksum";
  return JSON.parse(frame[2]!) as Body;
}

/** The same, with every file checked. */
async function inspect(path: string): Promise<Body | string> {
  const body = await readBody(path);
  if (typeof body === "string" || body.schema !== schema) return body;
  for (const [file, expected] of Object.entries(body.files)) {
    const size = await stat(join(path, file)).then((found) => found.size, () => undefined);
    if (size === undefined) return `${file} is missing`;
    if (size !== expected.bytes) return `${file} has ${size} bytes instead of ${expected.bytes}`;
    if ((await checksum(join(path, file))).crc32 !== expected.crc32) return `${file} does not match its checksum`;
  }
  return body;
}

/** What a checkpoint's state.json holds, its other files unseen; undefined where that cannot be read. */
export async function peekCheckpoint<State>(dir: string, name: string): Promise<CheckpointState<State> | undefined> {
  const body = await readBody(join(dir, "checkpoints", name));
  return typeof body === "string" || body.schema !== schema ? undefined : (body as unknown as CheckpointState<State>);
}

/**
 * Reads a checkpoint's state and checks every file of it.
 * @throws AzrError AZR_CHECKPOINT_CORRUPT, naming the file and the newest whole checkpoint before it; AZR_CHECKPOINT_INCOMPATIBLE
 */
export async function readCheckpoint<State>(dir: string, name: string): Promise<CheckpointState<State>> {
  const path = join(dir, "checkpoints", name);
  const body = await inspect(path);
  if (typeof body === "string") throw await corrupt(dir, path, body, name);
  if (body.schema !== schema) {
    throw new AzrError("AZR_CHECKPOINT_INCOMPATIBLE", `The checkpoint ${path} has format ${body.schema}; this version reads ${schema}`, {
      hint: "Resume it with the version of the package that wrote it.",
    });
  }
  const { schema: _schema, files: _files, ...state } = body;
  return state as CheckpointState<State>;
}
