// Brings a model of the hub into the cache, as far as it is not there, and says where it lies. Asks nothing over the network for a
// commit that is whole in the cache, nor in offline mode. Used by resolve-model.ts; hub-list.ts asks, hub-files.ts chooses, hub-download.ts fetches.
import { existsSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { AzrError } from "../errors.ts";
import { repositoryCache } from "./hub-cache.ts";
import type { RepositoryCache } from "./hub-cache.ts";
import { diskFault, downloadBlob } from "./hub-download.ts";
import type { RemoteFile } from "./hub-download.ts";
import { chooseFiles, shardsOf, weightIndex } from "./hub-files.ts";
import type { FileChoice } from "./hub-files.ts";
import { currentCommit, listHubFiles } from "./hub-list.ts";
import { formatHubName, parseHubName } from "./hub-name.ts";
import type { HubName } from "./hub-name.ts";
import { bytesBegun } from "./hub-partial.ts";
import { downloadMeter } from "./hub-progress.ts";
import type { OnModelProgress } from "./hub-progress.ts";
import { createHubFetch, isUnreachable } from "./hub-request.ts";
import type { RequestOptions } from "./hub-request.ts";
import { hubSettings } from "./hub-settings.ts";
import type { Environment, HubSettings } from "./hub-settings.ts";

export interface HubOptions extends Pick<RequestOptions, "signal" | "attempts" | "retryDelayMs" | "stallMs"> {
  /** Told of what is downloaded. */
  onProgress?: OnModelProgress;
  /** Variables such as HF_HOME and HF_TOKEN. Default: those of this process. */
  env?: Environment;
  /** False fetches only what describes the model. Default true. */
  weights?: boolean;
}

export interface HubModel {
  /** Folder with the files of the commit. */
  folder: string;
  /** The GGUF file, when the model is one. */
  gguf?: string;
  commit: string;
  /** The name with the commit as its revision. */
  pinned: string;
}

/** Branches as this process found them, so that all parts of one session use the same commit. */
const commits = new Map<string, string>();
const commitKey = ({ endpoint, cache }: HubSettings, { repo, revision }: HubName): string => [endpoint, cache, repo, revision].join("\n");

/** The name with the commit that this process found it at; as it is when it did not look. */
export function pinnedName(name: HubName, env?: Environment): string | undefined {
  const commit = commits.get(commitKey(hubSettings(env), name));
  return commit === undefined ? undefined : formatHubName(name, commit);
}

/** The folder that the repository has in the cache once something of it was fetched. */
export function hubFolder({ repo }: HubName, env?: Environment): string {
  return repositoryCache(hubSettings(env).cache, repo).folder;
}

/**
 * Fetches what is missing of a model.
 * @throws AzrError AZR_MODEL_NOT_FOUND (the hub has no such model or file, or it is not in the cache and offline mode is on),
 *   AZR_MODEL_FORMAT (no weights of a kind that is read), AZR_DOWNLOAD_FAILED, AZR_ABORTED
 */
export async function fetchHubModel(name: HubName, options: HubOptions = {}): Promise<HubModel> {
  const settings = hubSettings(options.env);
  const cache = repositoryCache(settings.cache, name.repo);
  const key = commitKey(settings, name);
  const known = commits.get(key) ?? cache.commitOf(name.revision);
  const cached = known === undefined ? undefined : inCache(cache, known, name, options.weights);
  const done = (commit: string, choice: FileChoice): HubModel => {
    commits.set(key, commit);
    const folder = cache.snapshot(commit);
    return { folder, commit, pinned: formatHubName(name, commit), ...(choice.kind === "gguf" ? { gguf: join(folder, choice.files[0]!) } : {}) };
  };
  if (settings.offline) {
    if (cached !== undefined) return done(known!, cached.choice);
    throw new AzrError("AZR_MODEL_NOT_FOUND", `${formatted(name)} is not whole in the cache ${settings.cache}, and HF_HUB_OFFLINE forbids to download it.`, {
      hint: "Unset HF_HUB_OFFLINE, or set HF_HOME to the folder that has the model.",
    });
  }
  const settled = known !== undefined && (known === name.revision || commits.has(key));
  if (settled && cached?.sure) return done(known, cached.choice);
  const request = { ...options, settings, repo: name.repo };
  try {
    // Where there is a copy, a hub that does not answer is not waited for.
    const brief = cached === undefined ? {} : { attempts: 1, stallMs: Math.min(options.stallMs ?? 10_000, 10_000) };
    const commit = settled ? known : await currentCommit(name, { ...request, ...brief });
    const there = commit === known ? cached : inCache(cache, commit, name, options.weights);
    const choice = there?.sure ? there.choice : await download(name, commit, cache, options, request);
    await cache.remember(name.revision, commit).catch(() => undefined); // a cache that can only be read serves too
    return done(commit, choice);
  } catch (error) {
    if (cached === undefined || !isUnreachable(error)) throw error;
    const message = `${(error as Error).message.split(",")[0]}; taking ${formatted(name)} as it is in the cache, commit ${known!.slice(0, 7)}.`;
    options.onProgress?.({ type: "note", model: formatted(name), message });
    return done(known!, cached.choice);
  }
}

/** The files with the weights of a model, as the hub lists them; none in offline mode. Throws as `fetchHubModel` does. */
export async function listHubWeights(pinned: string, options: HubOptions = {}): Promise<RemoteFile[]> {
  const name = parseHubName(pinned);
  const settings = hubSettings(options.env);
  if (name === undefined || settings.offline) return [];
  const listed = await listHubFiles(name, name.revision, { ...options, settings, repo: name.repo });
  const choice = chooseFiles(listed.map(({ path }) => path), name);
  if (choice.kind === "gguf") return listed.filter(({ path }) => choice.files.includes(path));
  return listed.filter(({ path }) => (choice.weights === weightIndex ? /^model-\d+-of-\d+\.safetensors$/.test(path) : path === choice.weights));
}

const formatted = (name: HubName): string => formatHubName(name, name.revision).replace(/@main$/, "");

interface Cached {
  choice: FileChoice;
  /** False for a GGUF file that may be one of several in the repository: only the hub's list tells. */
  sure: boolean;
}

/** What the model consists of, when all of it is in the cache. */
function inCache(cache: RepositoryCache, commit: string, name: HubName, weights = true): Cached | undefined {
  try {
    const choice = chooseFiles(cache.files(commit), name, weights);
    if (choice.kind === "gguf") return { choice, sure: name.file !== undefined || name.quantization !== undefined };
    const shards = choice.weights === weightIndex ? shardsOf(join(cache.snapshot(commit), weightIndex)) : [];
    return shards.every((shard) => cache.has(commit, shard)) ? { choice, sure: true } : undefined;
  } catch (error) {
    if (AzrError.isInstance(error)) return undefined;
    throw error;
  }
}

async function download(name: HubName, commit: string, cache: RepositoryCache, options: HubOptions, request: RequestOptions): Promise<FileChoice> {
  const { onProgress = () => undefined, weights = true } = options;
  const { settings } = request;
  const listed = await listHubFiles(name, commit, request);
  const byPath = new Map(listed.map((file) => [file.path, file]));
  const choice = chooseFiles([...byPath.keys()], name, weights);
  const model = formatted(name);
  const meter = downloadMeter(model, onProgress);
  const hubFetch = createHubFetch(request);
  await cache.prepare().catch((error: unknown) => Promise.reject(diskFault(error, settings.cache)));

  const fetchAll = async (paths: string[], announce: boolean): Promise<void> => {
    const files = paths.map((path) => byPath.get(path) ?? missing(path, name)).filter(({ path }) => !cache.has(commit, path));
    const absent = files.filter(({ etag }, at) => !existsSync(cache.blob(etag)) && files.findIndex((file) => file.etag === etag) === at);
    const bytes = absent.reduce((sum, file) => sum + file.bytes, 0);
    meter.expect(bytes);
    if (announce && absent.length > 0) onProgress({ type: "plan", model, files: absent.length, bytes, folder: cache.snapshot(commit) });
    requireRoom(settings.cache, bytes - (await bytesBegun(absent.map(({ etag }) => cache.blob(etag)))));
    for (const file of files) {
      const blob = cache.blob(file.etag);
      if (!existsSync(blob)) {
        await downloadBlob(file, blob, hubFetch, request, {
          onBytes: (done, fresh) => meter.tell(file.path, file.bytes, done, fresh),
          onBusy: (pid) => onProgress({ type: "waiting", model, file: file.path, pid }),
        });
        meter.finish(file.bytes);
      }
      await cache.link(commit, file.path, file.etag).catch((error: unknown) => Promise.reject(diskFault(error, settings.cache)));
    }
  };

  if (choice.kind === "gguf") await fetchAll(choice.files, true);
  else {
    const indexed = choice.weights === weightIndex;
    await fetchAll([...choice.describing, ...(indexed ? [weightIndex] : [])], false);
    if (indexed) await fetchAll(shardsOf(join(cache.snapshot(commit), weightIndex)), true);
    else if (choice.weights !== undefined) await fetchAll([choice.weights], true);
  }
  return choice;
}

function missing(path: string, { repo }: HubName): never {
  throw new AzrError("AZR_MODEL_FORMAT", `${repo} has an index of weights that names ${path}, but not that file.`, { hint: "Use another revision, or tell the owner of the repository." });
}

function requireRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bytes <= bavail * bsize) return;
  const gigabytes = (count: number): string => `${(count / 1e9).toFixed(1)} GB`;
  throw new AzrError("AZR_DOWNLOAD_FAILED", `${gigabytes(bytes)} are to be downloaded, but the disk of ${folder} has only ${gigabytes(bavail * bsize)} free.`, {
    hint: "Free some space, or set HF_HOME to a folder on another disk.",
  });
}
