// What sets one sort of run apart in its folder: which settings config.json holds and which append-only files lie beside it. Self-play
// (train.ts) is one, supervised warm-up (sft.ts) another; all else about a run folder is the same for both.
import type { Config } from "../config/index.ts";
import { configHash, configSchema, mayChange } from "../config/index.ts";

export type RunMethod = "self-play" | "sft";

const selfPlayLogs = ["events", "metrics", "journal", "tasks", "programs", "attempts", "timings", "audit"] as const;
export type LogName = (typeof selfPlayLogs)[number];

/** What a folder needs to know of the settings of its run. */
export interface FolderSettings {
  run: Pick<Config["run"], "dir" | "name" | "keepCheckpoints"> & Partial<Pick<Config["run"], "keepEvery">>;
}

export interface RunForm<Settings extends FolderSettings, Name extends LogName = LogName> {
  method: RunMethod;
  logs: readonly Name[];
  /** The settings in a config.json; throws when they are none. */
  parse(value: unknown): Settings;
  /** Hash of what changes results. */
  hash(settings: Settings): string;
  /** Whether a run may go on with another value of a setting. Where it is absent, those of the section `run` may change. */
  mayChange?(path: string, settings: Settings): boolean;
  /** Name of the folder where the settings give none. */
  folderName(settings: Settings): string;
}

export const selfPlayForm: RunForm<Config> = {
  method: "self-play",
  logs: selfPlayLogs,
  parse: (value) => configSchema.parse(value),
  hash: configHash,
  mayChange,
  folderName: ({ preset, seed }) => `${(preset ?? "run").replace(/[,\s]+/g, "-")}-seed${seed}`,
};
