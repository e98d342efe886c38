// The instruction set that -march=native bakes into a build. A build made for another processor must not be loaded.

import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";

/** Eight hex digits for this processor's feature flags ("00000000" where the kernel does not list them). */
export function cpuFlagsHash() {
  let text = "";
  try {
    const file = openSync("/proc/cpuinfo", "r");
    const buffer = Buffer.alloc(16384);
    text = buffer.toString("latin1", 0, readSync(file, buffer, 0, buffer.length, 0));
    closeSync(file);
  } catch {
    return "00000000";
  }
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1];
  if (flags === undefined) return "00000000";
  return createHash("sha256").update(flags.trim()).digest("hex").slice(0, 8);
}
