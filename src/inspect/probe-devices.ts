// The devices an engine could use: the processor always, NVIDIA GPUs by what their driver says of them.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { promisify } from "node:util";
import type { DeviceReport } from "./report.ts";

async function nvidiaDevices(): Promise<DeviceReport[]> {
  const query = ["--query-gpu=name,compute_cap,memory.total,driver_version", "--format=csv,noheader"];
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", query, { timeout: 15_000 });
    return stdout.trim().split("\n").filter(Boolean).map((line) => {
      const [name = "GPU", capability, memory, driver] = line.split(", ");
      const detail = `compute capability ${capability}, ${memory}, driver ${driver}; this build has a CPU engine only`;
      return { name, kind: "cuda", usable: false, detail };
    });
  } catch {
    if (!existsSync("/proc/driver/nvidia/version")) return [];
    return [{ name: "NVIDIA GPU", kind: "cuda", usable: false, detail: "the driver is there, nvidia-smi does not answer" }];
  }
}

/** All devices; `engineLoads` says whether the CPU engine can be used. */
export async function probeDevices(engineLoads: boolean): Promise<DeviceReport[]> {
  const model = cpus()[0]?.model.trim() || process.arch;
  const detail = `${model}, ${availableParallelism()} threads${engineLoads ? "" : "; the engine does not load yet"}`;
  return [{ name: "cpu", kind: "cpu", usable: engineLoads, detail }, ...(await nvidiaDevices())];
}
