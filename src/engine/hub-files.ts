// Which files of a repository a model needs: the small ones that describe it, and its weights as safetensors or as one GGUF file.
// Pickles are never taken: reading one runs code. Works on lists of names, so that it serves the hub's listing and the cache alike.
import { AzrError } from "../errors.ts";
import type { HubName } from "./hub-name.ts";
import { readModelText } from "./model-file.ts";

/** Asked for in this order: the weights come last, so that where they are whole, all is there. */
const describing = /^(config|generation_config|special_tokens_map|added_tokens|chat_template|tokenizer[\w.-]*)\.json$|^chat_template\.jinja$/;
const pickles = /\.(bin|pt|pth|pkl|pickle|ckpt|h5|msgpack)$/i;

export const weightIndex = "model.safetensors.index.json";

export type FileChoice =
  /** `files`: all parts of a split file, in order, or the one; the first stands for the model. */
  | { kind: "gguf"; files: string[] }
  /** `weights`: the file with all weights, or the index that names the shards; absent when none are wanted. */
  | { kind: "folder"; describing: string[]; weights?: string };

function fault(message: string, hint: string, code: "AZR_MODEL_FORMAT" | "AZR_MODEL_NOT_FOUND" = "AZR_MODEL_FORMAT"): AzrError {
  return new AzrError(code, message, { hint });
}

/**
 * Chooses among the files of a repository; `weights` false leaves out the weights where the description is apart from them.
 * @throws AzrError AZR_MODEL_FORMAT (no weights of a kind that is read), AZR_MODEL_NOT_FOUND (the file that was asked for is not there)
 */
export function chooseFiles(names: readonly string[], wanted: HubName, weights = true): FileChoice {
  const { repo, file, quantization } = wanted;
  if (file !== undefined) {
    if (names.includes(file)) return ggufChoice(file, names, repo);
    throw fault(`There is no ${file} in ${repo}${at(wanted)}.`, ggufHint(names, repo) ?? "Look at its list of files on the hub.", "AZR_MODEL_NOT_FOUND");
  }
  const ggufs = ggufFiles(names);
  if (quantization !== undefined) {
    const named = ggufs.filter((path) => quantizationOf(path)?.toLowerCase() === quantization.toLowerCase());
    if (named.length === 1) return ggufChoice(named[0]!, names, repo);
    const message = named.length === 0 ? `There is no GGUF file of ${quantization} in ${repo}${at(wanted)}.` : `${repo} has ${named.length} GGUF files of ${quantization}.`;
    throw fault(message, ggufHint(named.length === 0 ? names : named, repo) ?? `Use ${repo} without :${quantization}.`, "AZR_MODEL_NOT_FOUND");
  }
  const single = names.find((name) => name === "model.safetensors") ?? names.find((name) => name === weightIndex);
  const folder = { kind: "folder" as const, describing: names.filter((name) => describing.test(name)).sort() };
  if (single !== undefined || (!weights && ggufs.length === 0)) {
    const lacking = ["config.json", "tokenizer.json"].find((name) => !names.includes(name));
    if (lacking !== undefined) throw fault(`${repo}${at(wanted)} has no ${lacking}.`, "Use a repository of the same model that has it; without it the model cannot be read.");
    return weights && single !== undefined ? { ...folder, weights: single } : folder;
  }
  if (ggufs.length === 1) return ggufChoice(ggufs[0]!, names, repo);
  if (ggufs.length > 1) throw fault(`${repo} has ${ggufs.length} GGUF files; say which one you want.`, ggufHint(names, repo)!);
  if (names.includes("adapter_model.safetensors")) throw fault(`${repo} holds an adapter, not a whole model.`, "Merge it into its base model first, and use the merged folder.");
  if (names.some((name) => pickles.test(name))) {
    throw fault(`${repo}${at(wanted)} has its weights as pickles only, which are never opened: reading them runs code.`, "Look for a revision (such as refs/pr/1) or another repository with safetensors or GGUF.");
  }
  throw fault(`${repo}${at(wanted)} has no weights: neither model.safetensors nor a GGUF file.`, "Check the name: it must be a repository with a language model.");
}

const at = ({ revision }: HubName): string => (revision === "main" ? "" : `@${revision}`);

/** GGUF files that hold a language model, split ones by their first part: projectors of vision models and importance matrices come as GGUF too. */
function ggufFiles(names: readonly string[]): string[] {
  return names.filter((name) => /\.gguf$/i.test(name) && !/(^|[/.-])(mmproj|imatrix)/i.test(name) && !/-(?!00001)\d{5}-of-\d{5}\.gguf$/i.test(name)).sort();
}

/** Q4_K_M of model-Q4_K_M.gguf, whole or split; undefined when the name does not end in a quantization. */
function quantizationOf(path: string): string | undefined {
  return /(?:^|[-._/])((?:UD-)?(?:I?Q\d[\w]*|TQ\d[\w]*|MXFP4[\w]*|BF16|F16|F32|FP16|FP32))(?:-\d{5}-of-\d{5})?\.gguf$/i.exec(path)?.[1];
}

// A split file is NAME-00001-of-00003.gguf and so on; any part names them all.
function ggufChoice(path: string, names: readonly string[], repo: string): FileChoice {
  const [, stem, count] = /^(.*)-\d{5}-of-(\d{5})\.gguf$/i.exec(path) ?? [];
  if (stem === undefined || count === undefined) return { kind: "gguf", files: [path] };
  const files = Array.from({ length: Number(count) }, (_, part) => `${stem}-${String(part + 1).padStart(5, "0")}-of-${count}.gguf`);
  const lacking = files.find((file) => !names.includes(file));
  if (lacking !== undefined) throw fault(`${repo} lacks ${lacking}, a part of ${path}.`, "Use another quantization, or tell the owner of the repository.");
  return { kind: "gguf", files };
}

function ggufHint(names: readonly string[], repo: string): string | undefined {
  const ggufs = ggufFiles(names);
  if (ggufs.length === 0) return undefined;
  const kinds = ggufs.map(quantizationOf);
  const told = kinds.every((kind, index) => kind !== undefined && kinds.indexOf(kind) === index) ? kinds.map((kind) => `${repo}:${kind}`) : ggufs.map((path) => `${repo}/${path}`);
  return `Use one of: ${told.slice(0, 12).join(", ")}${told.length > 12 ? ` and ${told.length - 12} more` : ""}`;
}

/** The shards that an index names. Throws AZR_MODEL_FORMAT for an index that is none, or names files that are no shards beside it. */
export function shardsOf(indexPath: string): string[] {
  let map: unknown;
  try {
    map = JSON.parse(readModelText(indexPath)).weight_map;
  } catch {
    map = undefined;
  }
  // Looked at before they are sorted: what is no text would be made one, however deep it is nested.
  const names = typeof map === "object" && map !== null ? [...new Set<unknown>(Object.values(map))] : [];
  if (names.length === 0 || !names.every((name) => typeof name === "string" && /^[\w.-]+\.safetensors$/.test(name))) {
    throw fault(`${indexPath} is not an index of safetensors files.`, "Tell the owner of the repository, or use another revision.");
  }
  return (names as string[]).sort();
}
