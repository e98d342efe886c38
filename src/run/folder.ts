// The run folder: its append-only files, the rollouts of each step, its checkpoints and its lock. `createRunFolder` begins one,
// `openRunFolder` goes on with one: it reads the latest checkpoint and cuts every append-only file back to where that one stood.
import { readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { constants, gzip, type InputType, type ZlibOptions } from "node:zlib";
import { AzrError } from "../errors.ts";
import type { AuditLine } from "../oversight/audit-chain.ts";
import { type AppendLog, openAppendLog } from "./append-log.ts";
import { auditFault, readAudit } from "./audit-file.ts";
import { type CheckpointState, goBackTo, latestCheckpoint, readCheckpoint, requireCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { configText, findConfig, notSound, parseSettings, type Resolved } from "./config-file.ts";
import { requireSameSettings } from "./differences.ts";
import { type Disk, nodeDisk, replaceFile } from "./disk.ts";
import type { FolderSettings, LogName, RunForm } from "./form.ts";
import { type JournalEntry, readJournal } from "./journal.ts";
import { lockRun } from "./lock.ts";
import { rolloutPath } from "./rollout-file.ts";

export { readRunConfig, readRunMethod, type Resolved, rewriteRunConfig } from "./config-file.ts";

export interface RunFolder<Name extends LogName = LogName> {
  readonly dir: string;
  readonly logs: Record<Name, AppendLog>;
  /** Compresses and writes rollouts/step-NNNNNN.jsonl.gz (rollout-file.ts). */
  writeRollouts(step: number, text: string): Promise<void>;
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
  /** The whole audit log; empty for runs without one. */
  audit: AuditLine[];
}

const compress: (text: InputType, options: ZlibOptions) => Promise<Buffer> = promisify(gzip);

async function openFolder<Name extends LogName>(
  disk: Disk,
  dir: string,
  { logs: logNames, keep, keepEvery = 0 }: { logs: readonly Name[]; keep: number; keepEvery?: number | undefined },
  sizes: Record<string, number>,
): Promise<Omit<RunFolder<Name>, "close">> {
  const logs = {} as Record<Name, AppendLog>;
  const { dev, ino } = await stat(dir);
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
  // Open files outlive their folder: without this a run whose folder was removed would end well and leave nothing.
  async function checkPresence(): Promise<void> {
    const now = await stat(dir).catch(() => undefined);
    if (now?.ino === ino && now.dev === dev) return;
    throw new AzrError("AZR_RUN_FOLDER", `The run folder ${dir} was removed or moved while the run was under way`, {
      hint: "If it was moved, move it back and go on from its last checkpoint by `azr resume`; if it was removed, start the run again.",
      details: { path: dir },
    });
  }
  /** Work in the folder; when it fails because the folder is gone, that is what is told. */
  async function inFolder<Result>(work: () => Promise<Result>): Promise<Result> {
    await checkPresence();
    try {
      return await work();
    } catch (error) {
      await checkPresence();
      throw error;
    }
  }
  return {
    dir,
    logs,
    async writeRollouts(step, text) {
      const packed = await compress(text, { level: constants.Z_DEFAULT_COMPRESSION });
      await inFolder(async () => {
        // One level only: a run folder that is gone must not come back empty.
        await disk.claimFolder(join(dir, "rollouts"));
        await replaceFile(disk, rolloutPath(dir, step), packed);
      });
    },
    async mark() {
      await checkPresence();
      await Promise.all(logNames.map((name) => logs[name].flush()));
      return Object.fromEntries(logNames.map((name) => [name, logs[name].size]));
    },
    checkpoint: (state, saveFiles) =>
      inFolder(async () => {
        await Promise.all(logNames.map((name) => logs[name].sync()));
        return saveCheckpoint({ disk, dir, state, saveFiles, keep, keepEvery });
      }),
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

function kept<Name extends LogName>(form: RunForm<any, Name>, { run }: FolderSettings) {
  return { logs: form.logs, keep: run.keepCheckpoints, keepEvery: run.keepEvery };
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
    return { folder: await openFolder(disk, dir, kept(form, resolved.config), {}) };
  });
  return folder;
}

// What a killed process left half-written: checkpoints, failed updates, the finished model of a supervised run. Safe under the lock: nobody else writes here.
async function removeTemporaries(disk: Disk, dir: string): Promise<void> {
  for (const parent of [dir, ...["checkpoints", "rollouts", "failures"].map((name) => join(dir, name))]) {
    const names = await readdir(parent).catch(() => [] as string[]);
    for (const name of names) if (/\.tmp$|^\..*\.partial$/.test(name)) await disk.remove(join(parent, name));
  }
}

export interface OpenRunOptions {
  disk?: Disk | undefined;
  /** Name of the checkpoint to go on from, in place of the latest; later ones are set aside. */
  checkpoint?: string | undefined;
}

/**
 * Opens an existing run at its latest checkpoint, or at an earlier one.
 * @throws AzrError AZR_RUN_FOLDER, AZR_CHECKPOINT_CORRUPT, AZR_CHECKPOINT_INCOMPATIBLE, AZR_INPUT_INVALID
 */
export async function openRunFolder<State, Settings extends FolderSettings, Name extends LogName>(
  form: RunForm<Settings, Name>,
  path: string,
  { disk = nodeDisk, checkpoint: asked }: OpenRunOptions = {},
): Promise<OpenedRun<State, Settings, Name>> {
  const dir = resolve(path);
  const { config, sound } = await findConfig(form, dir);
  return locked(dir, async () => {
    await removeTemporaries(disk, dir);
    if (asked !== undefined) await requireCheckpoint(dir, asked);
    const name = asked ?? (await latestCheckpoint(dir));
    const state = name === undefined ? undefined : await readCheckpoint<State>(dir, name);
    if (state?.config !== undefined) requireSameSettings(form, { there: parseSettings(form, state.config, name!), here: config, of: `${name} of ${dir}` });
    else if (!sound) throw notSound(dir);
    if (asked !== undefined) await goBackTo(disk, dir, asked);
    const offsets = state?.offsets ?? {};
    const journal = await readJournal(join(dir, "journal.jsonl"), offsets["journal"] ?? 0);
    const audit = await readAudit(dir);
    if (audit.fault !== null) throw auditFault(dir, audit.fault);
    // Verdicts of the steps that were cut off stay: they are facts, and the steps are about to be done again. What the audit log says is never taken back.
    const folder = await openFolder(disk, dir, kept(form, config), { ...offsets, journal: journal.end, audit: audit.bytes });
    const checkpoint = state && { ...state, path: join(dir, "checkpoints", name!) };
    return { folder, config, checkpoint, journal: journal.entries, audit: audit.lines };
  });
}
