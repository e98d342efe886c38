// Content and change fingerprints that decide whether a set-up step may be skipped. No clocks, no state.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** All files below `paths` (files or folders), sorted, as absolute paths; missing paths are left out. */
export function listFiles(paths, { accept = () => true } = {}) {
  const files = [];
  const visit = (path) => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) visit(join(path, name));
    } else if (accept(path)) {
      files.push(path);
    }
  };
  paths.forEach(visit);
  return files;
}

/** Hex SHA-256 over names (relative to `root`) and contents of the files below `paths`. */
export function contentHash(root, paths, options) {
  const hash = createHash("sha256");
  for (const file of listFiles(paths, options)) {
    const content = readFileSync(file);
    hash.update(`${file.slice(root.length)}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

/** Hex SHA-256 of a JSON-able value. */
export function valueHash(value) {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
