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
  /** Bytes of each append-only file at this step's end. */
  offsets: Record<string, number>;
  state: State;
}

const schema = 1;
const namePattern = /^step-(\d{6,})$/;
export const checkpointName = (step: number): string => `step-${String(step).padStart(6, "0")}`;

const corrupt = (path: string, what: string, previous?: string) =>
  new AzrError("AZR_CHECKPOINT_CORRUPT", `The checkpoint ${path} is damaged: ${what}`, {
    hint:
      previous === undefined
        ? "No earlier checkpoint is there: start the run again."
        : `Go on from the one before it: write ${previous} into the file \`latest\` of the run folder.`,
    details: { path },
  });

async function checksum(path: string): Promise<{ bytes: number; crc32: number }> {
  let bytes = 0;
  let sum = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    sum = crc32(chunk, sum);
  }
  return { bytes, crc32: sum };
}

/** Names of the whole-looking checkpoints of a run, oldest first. */
export async function listCheckpoints(dir: string): Promise<string[]> {
  const names = await readdir(join(dir, "checkpoints")).catch(() => [] as string[]);
  const step = (name: string) => Number(namePattern.exec(name)?.[1]);
  return names.filter((name) => namePattern.test(name)).sort((a, b) => step(a) - step(b));
}

/** The name in `latest`, or undefined when no checkpoint was finished yet. */
export async function latestCheckpoint(dir: string): Promise<string | undefined> {
  try {
    const name = (await readFile(join(dir, "latest"), "utf8")).trim();
    if (!namePattern.test(name)) throw corrupt(join(dir, "latest"), "it does not name a checkpoint", (await listCheckpoints(dir)).at(-1));
    return name;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw diskFault("read", join(dir, "latest"), cause);
  }
}

export interface SaveCheckpoint {
  disk: Disk;
  dir: string;
  state: CheckpointState;
  /** Writes the model's files into the folder. */
  saveFiles(folder: string): Promise<void>;
  /** Checkpoints to keep, this one counted. */
  keep: number;
}

/**
 * Writes a checkpoint and makes it the latest. Whatever fails, the previous one stays whole and the latest.
 * @returns the checkpoint's folder
 * @throws AzrError AZR_RUN_FOLDER
 */
export async function saveCheckpoint({ disk, dir, state, saveFiles, keep }: SaveCheckpoint): Promise<string> {
  const parent = join(dir, "checkpoints");
  const name = checkpointName(state.step);
  const path = join(parent, name);
  const temporary = join(parent, `.${name}.${process.pid}.tmp`);
  // The same step of the same run is the same checkpoint.
  if ((await latestCheckpoint(dir)) === name) return path;
  try {
    await disk.makeFolder(parent);
    await disk.remove(temporary);
    await disk.makeFolder(temporary);
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
  const others = (await listCheckpoints(dir)).filter((other) => other !== name);
  for (const old of others.slice(0, Math.max(0, others.length - (keep - 1)))) await disk.remove(join(parent, old));
  return path;
}

/**
 * Reads a checkpoint's state and checks every file of it.
 * @throws AzrError AZR_CHECKPOINT_CORRUPT, naming the file and the checkpoint before it
 */
export async function readCheckpoint<State>(dir: string, name: string): Promise<CheckpointState<State>> {
  const path = join(dir, "checkpoints", name);
  const names = await listCheckpoints(dir);
  const previous = names.filter((other) => other !== name && other < name).at(-1);
  const fault = (what: string) => corrupt(path, what, previous);
  let text: string;
  try {
    text = await readFile(join(path, "state.json"), "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") throw fault("state.json is missing");
    throw diskFault("read", path, cause);
  }
  const frame = /^\{"crc32":(\d+),"body":([^]*)\}\n$/.exec(text);
  if (frame === null || crc32(frame[2]!) !== Number(frame[1])) throw fault("state.json does not match its checksum");
  const body = JSON.parse(frame[2]!) as CheckpointState<State> & {
    schema: number;
    files: Record<string, { bytes: number; crc32: number }>;
  };
  if (body.schema !== schema) {
    throw new AzrError("AZR_CHECKPOINT_INCOMPATIBLE", `The checkpoint ${path} has format ${body.schema}; this version reads ${schema}`, {
      hint: "Resume it with the version of the package that wrote it.",
    });
  }
  for (const [file, expected] of Object.entries(body.files)) {
    const size = await stat(join(path, file)).then((found) => found.size, () => undefined);
    if (size === undefined) throw fault(`${file} is missing`);
    if (size !== expected.bytes) throw fault(`${file} has ${size} bytes instead of ${expected.bytes}`);
    if ((await checksum(join(path, file))).crc32 !== expected.crc32) throw fault(`${file} does not match its checksum`);
  }
  const { step, configHash, offsets, state } = body;
  return { step, configHash, offsets, state };
}
