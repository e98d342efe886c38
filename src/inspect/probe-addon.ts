// Loads the addon in a child process, so that a crash in it, or a LibTorch that does not fit, is a line in the report
// and not the end of the doctor. Nothing native is loaded here.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildStatus } from "../../scripts/build.mjs";
import type { AddonReport } from "./report.ts";

const program = `
try {
  process.dlopen({ exports: {} }, process.argv[1]);
  process.stdout.write("loaded");
} catch (error) {
  process.stderr.write(error.message);
  process.exitCode = 1;
}`;

function loadInChild(path: string, limitMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["-e", program, path], { stdio: ["ignore", "pipe", "pipe"], timeout: limitMs });
    let [output, errors] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (chunk) => (output += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk) => (errors += chunk));
    child.once("error", (error) => resolve(error.message));
    child.once("close", (status, signal) => {
      if (status === 0 && output === "loaded") return resolve(null);
      const end = signal === null ? `the child ended with status ${status}` : `the child was killed by ${signal}`;
      resolve(status === 1 && errors !== "" ? errors.trim() : end);
    });
  });
}

/** State of the addon: built, up to date, loads. Never rejects. */
export async function probeAddon(torchFound: boolean): Promise<AddonReport> {
  const status = await buildStatus().catch(() => undefined);
  const folder = status?.folder ?? "";
  const path = join(folder, "azr.node");
  const built = status?.record !== undefined && existsSync(path);
  if (!built) return { folder, built, upToDate: torchFound ? false : null, loads: false, error: null };
  const error = await loadInChild(path, 120_000);
  return { folder, built, upToDate: torchFound ? status.upToDate : null, loads: error === null, error };
}
