// The cache of models that all tools of Hugging Face share: blobs/ holds contents under their checksums, snapshots/COMMIT/ links with
// the files' names to them, refs/REVISION the commit that a branch or tag was at. Used by hub-model.ts; see docs/models.md.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { copyFile, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

const commitPattern = /^[0-9a-f]{40}$/;

export interface RepositoryCache {
  folder: string;
  blob(etag: string): string;
  snapshot(commit: string): string;
  /** The commit that a revision was at when it was last fetched; a commit is its own. Undefined when it never was. */
  commitOf(revision: string): string | undefined;
  /** Whether a file of a commit is there with its content. */
  has(commit: string, path: string): boolean;
  /** Names of the files of a commit that are there with their contents. */
  files(commit: string): string[];
  /** Gives a blob its name in a commit. */
  link(commit: string, path: string, etag: string): Promise<void>;
  /** Remembers at which commit a revision is. */
  remember(revision: string, commit: string): Promise<void>;
  /** Makes the folders. */
  prepare(): Promise<void>;
}

/** The cache's folder of one repository; nothing is made before `prepare`. */
export function repositoryCache(cache: string, repo: string): RepositoryCache {
  const folder = join(cache, `models--${repo.replace("/", "--")}`);
  const snapshot = (commit: string): string => join(folder, "snapshots", commit);
  const reference = (revision: string): string => join(folder, "refs", revision);
  const blob = (etag: string): string => join(folder, "blobs", etag);
  // existsSync follows links: a link without its blob is no file.
  const has = (commit: string, path: string): boolean => existsSync(join(snapshot(commit), path));
  return {
    folder,
    blob,
    snapshot,
    has,
    commitOf(revision) {
      if (commitPattern.test(revision)) return revision;
      try {
        const commit = readFileSync(reference(revision), "utf8").trim();
        return commitPattern.test(commit) ? commit : undefined;
      } catch {
        return undefined;
      }
    },
    files(commit) {
      const root = snapshot(commit);
      if (!existsSync(root)) return [];
      const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
      return entries.map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name))).filter((path) => has(commit, path));
    },
    async link(commit, path, etag) {
      if (has(commit, path)) return;
      const place = join(snapshot(commit), path);
      await mkdir(dirname(place), { recursive: true });
      // Made beside its place and renamed, so that a reader never sees it half done, nor a second writer fails over the first.
      const own = `${place}.azr-${process.pid}`;
      await symlink(relative(dirname(place), blob(etag)), own).catch(() => copyFile(blob(etag), own));
      await rename(own, place);
    },
    async remember(revision, commit) {
      if (revision === commit || (existsSync(reference(revision)) && readFileSync(reference(revision), "utf8") === commit)) return;
      const place = reference(revision);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(`${place}.azr-${process.pid}`, commit);
      await rename(`${place}.azr-${process.pid}`, place);
    },
    async prepare() {
      for (const name of ["blobs", "snapshots", "refs"]) await mkdir(join(folder, name), { recursive: true });
    },
  };
}
