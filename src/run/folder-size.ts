// How many bytes the files of a folder have, for `oversight.budgets.diskBytes`.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Files that vanish meanwhile count as nothing. */
export async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    bytes += entry.isDirectory() ? await folderBytes(path) : await stat(path).then(({ size }) => size, () => 0);
  }
  return bytes;
}
