// The run folder: its append-only files, the rollouts of each step, its checkpoints and its lock. `createRunFolder` begins one,
// `openRunFolder` goes on with one: it reads the latest checkpoint and cuts every append-only file back to where that one stood.
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { constants, gzip, type InputType, type ZlibOptions } from "node:zlib";
import { leaves, stableJson, type Tree } from "../config/tree.ts";
import { AzrError } from "../errors.ts";
import { type AppendLog, openAppendLog } from "./append-log.ts";
import { type CheckpointState, latestCheckpoint, readCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { type Disk, nodeDisk, replaceFile } from "./disk.ts";
import type { FolderSettings, LogName, RunForm, RunMethod } from "./form.ts";
import { type JournalEntry, readJournal } from "./journal.ts";
import { lockRun } from "./lock.ts";

/** Checked settings, where each came from, and their hash. */
export interface Resolved<Settings> {
  config: Settings;
  origins: Record<string, string>;
  hash: string;
}

export interface RunFolder<Name extends LogName = LogName> {
  readonly dir: string;
  readonly logs: Record<Name, AppendLog>;
  /** Writes rollouts/step-NNNNNN.jsonl.gz. */
  writeRollouts(step: number, records: unknown[]): Promise<void>;
  /** Flushes every log and tells their lengths: where this step ended. */
  mark(): Promise<Record<string, number>>;
  /** Syncs the logs, then writes a checkpoint; returns its folder. */
  checkpoint(state: CheckpointState, saveFiles: (folder: string) => Promise<void>): Promise<string>;
  close(): Promise<void>;
}

export interface OpenedRun<State, Settings, Name extends LogName = LogName> {
  folder: RunFolder<Name>;
  config: Settings;
  /** The latest checkpoint, checked, with its folder; undefined when the run was cut off before its first. */
  checkpoint: (CheckpointState<State> & { path: string }) | undefined;
  /** Journal entries of steps after the checkpoint. */
  journal: JournalEntry[];
}

const compress: (text: InputType, options: ZlibOptions) => Promise<Buffer> = promisify(gzip);

async function openFolder<Name extends LogName>(
  disk: Disk,
  dir: string,
  { logs: logNames, keep }: { logs: readonly Name[]; keep: number },
  sizes: Record<string, number>,
): Promise<Omit<RunFolder<Name>, "close">> {
  const logs = {} as Record<Name, AppendLog>;
  try {
    for (const name of logNames) {
      const path = join(dir, `${name}.jsonl`);
      const size = await stat(path).then((found) => found.size, () => 0);
      if (size < (sizes[name] ?? 0)) {
        throw new AzrError("AZR_RUN_FOLDER", `${path} has ${size} bytes; the checkpoint was written when it had ${sizes[name]}`, {
          hint: "Restore the file, or go on from an earlier checkpoint: write its name into the file `latest` of the run folder.",
        });
      }
      logs[name] = await openAppendLog(disk, path, sizes[name] ?? 0);
    }
  } catch (error) {
    for (const log of Object.values<AppendLog>(logs)) await log.close().catch(() => undefined);
    throw error;
  }
  return {
    dir,
    logs,
    async writeRollouts(step, records) {
      await disk.makeFolder(join(dir, "rollouts"));
      const lines = records.map((record) => `${JSON.stringify(record)}\n`).join("");
      await replaceFile(disk, join(dir, "rollouts", `step-${String(step).padStart(6, "0")}.jsonl.gz`), await compress(lines, { level: constants.Z_BEST_SPEED }));
    },
    async mark() {
      await Promise.all(logNames.map((name) => logs[name].flush()));
      return Object.fromEntries(logNames.map((name) => [name, logs[name].size]));
    },
    async checkpoint(state, saveFiles) {
      await Promise.all(logNames.map((name) => logs[name].sync()));
      return saveCheckpoint({ disk, dir, state, saveFiles, keep });
    },
  };
}

async function locked<Name extends LogName, Result extends object>(dir: string, open: () => Promise<Result & { folder: Omit<RunFolder<Name>, "close"> }>) {
  const lock = await lockRun(dir);
  try {
    const opened = await open();
    let closing: Promise<void> | undefined;
    const close = async () => {
      const results = await Promise.allSettled(Object.values<AppendLog>(opened.folder.logs).map((log) => log.close()));
      await lock.release();
      for (const result of results) if (result.status === "rejected") throw result.reason;
    };
    return { ...opened, folder: Object.assign(opened.folder, { close: () => (closing ??= close()) }) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function claimFolder<Settings extends FolderSettings>(disk: Disk, config: Settings, form: RunForm<Settings, LogName>): Promise<string> {
  const parent = resolve(config.run.dir);
  await disk.makeFolder(parent);
  if (config.run.name !== undefined) {
    const dir = join(parent, config.run.name);
    // A run that failed before its config.json was whole leaves nothing worth keeping.
    const used = async () => (await readdir(dir).catch(() => ["?"])).some((name) => !/^run\.lock|\.tmp$/.test(name));
    if (!(await disk.claimFolder(dir)) && (await used())) {
      throw new AzrError("AZR_RUN_FOLDER", `${dir} is not empty`, {
        hint: `Go on with that run by \`azr resume ${dir}\`, or choose another name with --set run.name=NAME.`,
      });
    }
    return dir;
  }
  const base = form.folderName(config);
  for (let number = 1; ; number++) {
    const dir = join(parent, number === 1 ? base : `${base}-${number}`);
    if (await disk.claimFolder(dir)) return dir;
  }
}

// Files of self-play name no method: there were no others when their format was made.
const configText = <Settings>({ config, origins, hash }: Resolved<Settings>, method: RunMethod) =>
  `${JSON.stringify({ schema: 1, ...(method === "self-play" ? {} : { method }), hash, config, origins }, null, 2)}\n`;

/**
 * Makes the folder of a new run and writes config.json.
 * @throws AzrError AZR_RUN_FOLDER: not writable, full, or already holding a run
 */
export async function createRunFolder<Settings extends FolderSettings, Name extends LogName>(
  form: RunForm<Settings, Name>,
  resolved: Resolved<Settings>,
  disk: Disk = nodeDisk,
): Promise<RunFolder<Name>> {
  const dir = await claimFolder(disk, resolved.config, form);
  const { folder } = await locked(dir, async () => {
    await replaceFile(disk, join(dir, "config.json"), configText(resolved, form.method));
    await disk.syncFolder(dirname(dir));
    return { folder: await openFolder(disk, dir, { logs: form.logs, keep: resolved.config.run.keepCheckpoints }, {}) };
  });
  return folder;
}

/** Replaces the values of config.json on going on with a run; new values count as given by argument. */
export async function rewriteRunConfig<Settings extends FolderSettings>(form: RunForm<Settings, LogName>, dir: string, config: Settings, disk: Disk = nodeDisk): Promise<void> {
  const path = join(dir, "config.json");
  const old = JSON.parse(await readFile(path, "utf8")) as { config: Settings; origins: Record<string, string> };
  const before = new Map(leaves(old.config as unknown as Tree));
  const changed = leaves(config as unknown as Tree).filter(([key, value]) => stableJson(value) !== stableJson(before.get(key)));
  const origins = { ...old.origins, ...Object.fromEntries(changed.map(([key]) => [key, "argument"])) };
  await replaceFile(disk, path, configText({ config, origins, hash: form.hash(config) }, form.method));
}

interface ConfigFile {
  method: RunMethod;
  hash: string;
  config: unknown;
}

async function readConfigFile(dir: string): Promise<ConfigFile> {
  const file = JSON.parse(await readFile(join(dir, "config.json"), "utf8")) as Partial<ConfigFile>;
  return { method: file.method ?? "self-play", hash: file.hash ?? "", config: file.config };
}

const notRun = (message: string, cause?: unknown) => new AzrError("AZR_RUN_FOLDER", message, { hint: "Give the folder of a run, for example runs/demo-seed0.", cause });

/** Throws AZR_RUN_FOLDER for what reading the config.json of a folder threw. */
function refuse(dir: string, cause: unknown): never {
  if (AzrError.isInstance(cause)) throw cause;
  if ((cause as NodeJS.ErrnoException).code === "ENOENT") throw notRun(`${dir} is not a run folder: it has no config.json`, cause);
  throw notRun(`${join(dir, "config.json")} cannot be used: ${(cause as Error).message}`, cause);
}

/** Of which sort a run is. Throws AZR_RUN_FOLDER when there is no config.json or it cannot be read. */
export async function readRunMethod(dir: string): Promise<RunMethod> {
  const { method } = await readConfigFile(dir).catch((cause: unknown) => refuse(dir, cause));
  return method;
}

/** The configuration that a run folder was made with. Throws AZR_RUN_FOLDER when there is none, it cannot be read or is of another sort of run. */
export async function readRunConfig<Settings extends FolderSettings>(form: RunForm<Settings, LogName>, dir: string): Promise<Settings> {
  try {
    const { method, config, hash } = await readConfigFile(dir);
    if (method !== form.method) throw notRun(`${dir} is a run of another sort: ${method} instead of ${form.method}`);
    const parsed = form.parse(config);
    if (form.hash(parsed) !== hash) throw new Error("its values do not match its hash; was it edited, or written by another version?");
    return parsed;
  } catch (cause) {
    return refuse(dir, cause);
  }
}

// What a killed process left half-written. Safe under the lock: nobody else writes here.
async function removeTemporaries(disk: Disk, dir: string): Promise<void> {
  for (const parent of [dir, join(dir, "checkpoints"), join(dir, "rollouts")]) {
    const names = await readdir(parent).catch(() => [] as string[]);
    for (const name of names) if (name.endsWith(".tmp")) await disk.remove(join(parent, name));
  }
}

/**
 * Opens an existing run at its latest checkpoint.
 * @throws AzrError AZR_RUN_FOLDER, AZR_CHECKPOINT_CORRUPT, AZR_CHECKPOINT_INCOMPATIBLE
 */
export async function openRunFolder<State, Settings extends FolderSettings, Name extends LogName>(
  form: RunForm<Settings, Name>,
  path: string,
  disk: Disk = nodeDisk,
): Promise<OpenedRun<State, Settings, Name>> {
  const dir = resolve(path);
  const config = await readRunConfig(form, dir);
  return locked(dir, async () => {
    await removeTemporaries(disk, dir);
    const name = await latestCheckpoint(dir);
    const state = name === undefined ? undefined : await readCheckpoint<State>(dir, name);
    if (state !== undefined && state.configHash !== form.hash(config)) {
      throw new AzrError("AZR_CHECKPOINT_INCOMPATIBLE", `${name} was written with other settings than config.json of ${dir} holds`, {
        hint: "Restore config.json as the run wrote it.",
      });
    }
    const offsets = state?.offsets ?? {};
    const journal = await readJournal(join(dir, "journal.jsonl"), offsets["journal"] ?? 0);
    // Verdicts of the steps that were cut off stay: they are facts, and the steps are about to be done again.
    const folder = await openFolder(disk, dir, { logs: form.logs, keep: config.run.keepCheckpoints }, { ...offsets, journal: journal.end });
    const checkpoint = state && { ...state, path: join(dir, "checkpoints", name!) };
    return { folder, config, checkpoint, journal: journal.entries };
  });
}
