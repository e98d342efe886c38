// The run folder: its append-only files, the rollouts of each step, its checkpoints and its lock. `createRunFolder` begins one,
// `openRunFolder` goes on with one: it reads the latest checkpoint and cuts every append-only file back to where that one stood.
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { constants, gzip, type InputType, type ZlibOptions } from "node:zlib";
import type { Config, ResolvedConfig } from "../config/index.ts";
import { configHash, configSchema } from "../config/index.ts";
import { leaves, stableJson, type Tree } from "../config/tree.ts";
import { AzrError } from "../errors.ts";
import { type AppendLog, openAppendLog } from "./append-log.ts";
import { type CheckpointState, latestCheckpoint, readCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { type Disk, nodeDisk, replaceFile } from "./disk.ts";
import { type JournalEntry, readJournal } from "./journal.ts";
import { lockRun } from "./lock.ts";

const logNames = ["events", "metrics", "journal", "tasks", "programs", "timings"] as const;
export type LogName = (typeof logNames)[number];

export interface RunFolder {
  readonly dir: string;
  readonly logs: Record<LogName, AppendLog>;
  /** Writes rollouts/step-NNNNNN.jsonl.gz. */
  writeRollouts(step: number, records: unknown[]): Promise<void>;
  /** Flushes every log and tells their lengths: where this step ended. */
  mark(): Promise<Record<string, number>>;
  /** Syncs the logs, then writes a checkpoint; returns its folder. */
  checkpoint(state: CheckpointState, saveFiles: (folder: string) => Promise<void>): Promise<string>;
  close(): Promise<void>;
}

export interface OpenedRun<State> {
  folder: RunFolder;
  config: Config;
  /** The latest checkpoint, checked, with its folder; undefined when the run was cut off before its first. */
  checkpoint: (CheckpointState<State> & { path: string }) | undefined;
  /** Journal entries of steps after the checkpoint. */
  journal: JournalEntry[];
}

const compress: (text: InputType, options: ZlibOptions) => Promise<Buffer> = promisify(gzip);

async function openFolder(disk: Disk, dir: string, keep: number, sizes: Record<string, number>): Promise<Omit<RunFolder, "close">> {
  const logs = {} as Record<LogName, AppendLog>;
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
    for (const log of Object.values(logs)) await log.close().catch(() => undefined);
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

async function locked<Result extends object>(dir: string, open: () => Promise<Result & { folder: Omit<RunFolder, "close"> }>) {
  const lock = await lockRun(dir);
  try {
    const opened = await open();
    let closing: Promise<void> | undefined;
    const close = async () => {
      const results = await Promise.allSettled(Object.values(opened.folder.logs).map((log) => log.close()));
      await lock.release();
      for (const result of results) if (result.status === "rejected") throw result.reason;
    };
    return { ...opened, folder: Object.assign(opened.folder, { close: () => (closing ??= close()) }) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function claimFolder(disk: Disk, config: Config): Promise<string> {
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
  const base = `${config.preset ?? "run"}-seed${config.seed}`;
  for (let number = 1; ; number++) {
    const dir = join(parent, number === 1 ? base : `${base}-${number}`);
    if (await disk.claimFolder(dir)) return dir;
  }
}

const configText = ({ config, origins, hash }: ResolvedConfig) => `${JSON.stringify({ schema: 1, hash, config, origins }, null, 2)}\n`;

/**
 * Makes the folder of a new run and writes config.json.
 * @throws AzrError AZR_RUN_FOLDER: not writable, full, or already holding a run
 */
export async function createRunFolder(resolved: ResolvedConfig, disk: Disk = nodeDisk): Promise<RunFolder> {
  const dir = await claimFolder(disk, resolved.config);
  const { folder } = await locked(dir, async () => {
    await replaceFile(disk, join(dir, "config.json"), configText(resolved));
    await disk.syncFolder(dirname(dir));
    return { folder: await openFolder(disk, dir, resolved.config.run.keepCheckpoints, {}) };
  });
  return folder;
}

/** Replaces the values of config.json on going on with a run; new values count as given by argument. */
export async function rewriteRunConfig(dir: string, config: Config, disk: Disk = nodeDisk): Promise<void> {
  const path = join(dir, "config.json");
  const old = JSON.parse(await readFile(path, "utf8")) as { config: Config; origins: Record<string, string> };
  const before = new Map(leaves(old.config as Tree));
  const changed = leaves(config as Tree).filter(([key, value]) => stableJson(value) !== stableJson(before.get(key)));
  const origins = { ...old.origins, ...Object.fromEntries(changed.map(([key]) => [key, "argument"])) };
  await replaceFile(disk, path, configText({ config, origins, hash: configHash(config) }));
}

/** The configuration that a run folder was made with. Throws AZR_RUN_FOLDER when there is none or it cannot be read. */
export async function readRunConfig(dir: string): Promise<Config> {
  const path = join(dir, "config.json");
  try {
    const { config, hash } = JSON.parse(await readFile(path, "utf8")) as { config: unknown; hash: string };
    const parsed = configSchema.parse(config);
    if (configHash(parsed) !== hash) throw new Error("its values do not match its hash; was it edited, or written by another version?");
    return parsed;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new AzrError("AZR_RUN_FOLDER", missing ? `${dir} is not a run folder: it has no config.json` : `${path} cannot be used: ${(cause as Error).message}`, {
      hint: "Give the folder of a run, for example runs/demo-seed0.",
      cause,
    });
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
export async function openRunFolder<State>(path: string, disk: Disk = nodeDisk): Promise<OpenedRun<State>> {
  const dir = resolve(path);
  const config = await readRunConfig(dir);
  return locked(dir, async () => {
    await removeTemporaries(disk, dir);
    const name = await latestCheckpoint(dir);
    const state = name === undefined ? undefined : await readCheckpoint<State>(dir, name);
    if (state !== undefined && state.configHash !== configHash(config)) {
      throw new AzrError("AZR_CHECKPOINT_INCOMPATIBLE", `${name} was written with other settings than config.json of ${dir} holds`, {
        hint: "Restore config.json as the run wrote it.",
      });
    }
    const offsets = state?.offsets ?? {};
    const journal = await readJournal(join(dir, "journal.jsonl"), offsets.journal ?? 0);
    // Verdicts of the steps that were cut off stay: they are facts, and the steps are about to be done again.
    const folder = await openFolder(disk, dir, config.run.keepCheckpoints, { ...offsets, journal: journal.end });
    const checkpoint = state && { ...state, path: join(dir, "checkpoints", name!) };
    return { folder, config, checkpoint, journal: journal.entries };
  });
}
