// The report behind `azr doctor`: what was looked for, what was found, what repairs it. Types only; inspect.ts fills it.

import type { TorchAttempt } from "../../scripts/torch.mjs";

/** One thing that is wrong: a stable code, a sentence, and the command or setting that repairs it. */
export interface Problem {
  code: string;
  what: string;
  fix: string;
}

export interface ToolReport {
  tool: string;
  version: string | null;
  ok: boolean;
}

export interface AddonReport {
  /** Folder that holds, or would hold, the built files. */
  folder: string;
  built: boolean;
  /** Whether a build now would give the same files; null when that cannot be told (no LibTorch). */
  upToDate: boolean | null;
  /** Whether a child process could load it. */
  loads: boolean;
  /** The loader's own words, or how the child ended. */
  error: string | null;
}

export interface ExecutorReport {
  ok: boolean;
  python: string | null;
  workers: number | null;
  /** Layers of isolation by name: whether each is in force. Null when it does not start. */
  layers: Record<string, boolean> | null;
  /** Milliseconds from nothing to the first answer. */
  startMs: number | null;
  error: string | null;
}

export interface DeviceReport {
  name: string;
  kind: "cpu" | "cuda";
  usable: boolean;
  detail: string;
}

/** What inspect() resolves with and `azr doctor --json` prints. Fields may be added. */
export interface InspectReport {
  ok: boolean;
  version: string;
  node: { version: string; nodeApi: string; ok: boolean };
  platform: { system: string; glibc: string | null; cores: number; memoryBytes: number; ok: boolean };
  toolchain: ToolReport[];
  libtorch: {
    found: boolean;
    version: string | null;
    root: string | null;
    source: string | null;
    cuda: boolean;
    attempts: TorchAttempt[];
  };
  addon: AddonReport;
  executor: ExecutorReport;
  devices: DeviceReport[];
  disk: { home: string; freeBytes: number | null };
  problems: Problem[];
}
