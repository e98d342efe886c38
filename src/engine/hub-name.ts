// Names of models on the hub, as --model takes them: owner/name, with :QUANTIZATION or /FILE.gguf for one GGUF file of it, and
// @REVISION at the end. Used by resolve-model.ts and hub-model.ts.

export interface HubName {
  /** owner/name. */
  repo: string;
  /** Branch, tag or commit. */
  revision: string;
  /** Path of a GGUF file in the repository. */
  file?: string;
  /** Quantization that the wanted GGUF file has in its name. */
  quantization?: string;
}

const part = "[A-Za-z0-9_](?:[\\w.-]*[A-Za-z0-9_])?";
const pattern = new RegExp(`^(?<repo>${part}/${part})(?:/(?<file>[^@:]+\\.gguf)|:(?<quantization>[A-Za-z0-9_.-]+))?(?:@(?<revision>[^@:\\s]+))?$`, "i");

/** The parts of a name of the hub; undefined for what cannot be one. */
export function parseHubName(name: string): HubName | undefined {
  const { repo, file, quantization, revision = "main" } = pattern.exec(name)?.groups ?? {};
  // The hub itself refuses "--" and ".." in names; the first would make two repositories share a folder of the cache.
  if (repo === undefined || repo.length > 96 || /--|\.\./.test(repo) || !isPlainPath(revision)) return undefined;
  if (file !== undefined && !isPlainPath(file)) return undefined;
  return { repo, revision, ...(file === undefined ? {} : { file }), ...(quantization === undefined ? {} : { quantization }) };
}

/** Whether a path from the hub stays in the folder that it is joined to. */
export function isPlainPath(path: string): boolean {
  return !/[\\\0]/.test(path) && path.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..");
}

/** The name with another revision: how a run remembers exactly which model it began with. */
export function formatHubName({ repo, file, quantization }: HubName, revision: string): string {
  return `${repo}${file === undefined ? "" : `/${file}`}${quantization === undefined ? "" : `:${quantization}`}@${revision}`;
}
