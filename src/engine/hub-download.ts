// Downloads one file of a repository into the cache's blobs/ folder: goes on with what is there, checks length and checksum, and
// gives the file its name only then. Used by hub-model.ts; who may write is settled in hub-partial.ts.
import { createHash, type Hash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { open, rename, type FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AzrError } from "../errors.ts";
import { claimPartial, giveUp } from "./hub-partial.ts";
import { abortedDownload, backOff } from "./hub-request.ts";
import type { RequestOptions } from "./hub-request.ts";

export interface RemoteFile {
  path: string;
  bytes: number;
  /** What the cache calls the content: its SHA-256 for large files, its git blob id (SHA-1) for others. */
  etag: string;
  url: string;
}

export interface FileWatch {
  /** Bytes of the file that are on disk; `fresh` came over the network since the last call. */
  onBytes(done: number, fresh: number): void;
  /** Another process downloads the file; this one waits for it. */
  onBusy(pid: number): void;
}

/** Downloads `file` to `blob`, unless it is there. Throws AZR_DOWNLOAD_FAILED, AZR_ABORTED and what the request throws. */
export async function downloadBlob(file: RemoteFile, blob: string, request: typeof fetch, options: RequestOptions, watch: FileWatch): Promise<void> {
  let told = false;
  while (!existsSync(blob)) {
    if (options.signal?.aborted) throw abortedDownload(options.signal);
    const claim = await claimPartial(blob).catch((error: unknown) => Promise.reject(diskFault(error, blob)));
    if ("busy" in claim) {
      if (!told) watch.onBusy(claim.busy);
      told = true;
      await sleep(200);
      continue;
    }
    try {
      await fill(claim.path, file, request, options, watch);
      await rename(claim.path, blob);
    } catch (error) {
      await giveUp(blob, claim.path);
      throw AzrError.isInstance(error) ? error : diskFault(error, blob);
    }
  }
}

/** A fault of the cache's disk as one of ours. */
export function diskFault(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const full = ["ENOSPC", "EDQUOT", "EFBIG"].includes(code ?? "");
  if (!full && !["EACCES", "EPERM", "EROFS", "ENOTDIR", "EIO"].includes(code ?? "")) return error;
  return new AzrError("AZR_DOWNLOAD_FAILED", full ? `There is no room left on the disk for ${path}.` : `The cache of models cannot be written: ${path}.`, {
    hint: full ? "Free some space, or set HF_HOME to a folder on another disk; what was downloaded so far is kept." : "Set HF_HOME to a folder that you can write to.",
    cause: error,
  });
}

async function fill(path: string, file: RemoteFile, request: typeof fetch, options: RequestOptions, watch: FileWatch): Promise<void> {
  const { attempts = 5 } = options;
  const handle = await open(path, "r+");
  try {
    let { hash, done } = await hashSoFar(path, file);
    watch.onBytes(done, 0);
    let mismatches = 0;
    let failures = 0;
    while (true) {
      if (done < file.bytes || file.bytes === 0) {
        const before = done;
        const part = await receive(handle, file, done, hash, request, options, watch);
        ({ done, hash } = part);
        if (part.error !== undefined) {
          failures = done > before ? 1 : failures + 1;
          if (failures >= attempts) throw cutOff(file, done, options, part.error);
          await backOff(failures + 1, options);
          continue;
        }
      }
      const found = hash.digest("hex");
      if (found === file.etag) break;
      // Perhaps the part from an earlier time was damaged: once more from the beginning.
      if (++mismatches > 1) throw mismatch(file, found, options);
      ({ hash, done } = { hash: freshHash(file), done: 0 });
      await handle.truncate(0);
    }
    await handle.truncate(file.bytes);
    await handle.sync();
  } catch (error) {
    // Wrong bytes must not be gone on with.
    if (AzrError.isInstance(error) && error.details?.["expected"] !== undefined) await handle.truncate(0);
    throw error;
  } finally {
    await handle.close();
  }
}

interface Received {
  done: number;
  hash: Hash;
  /** Why it ended before the file did. */
  error?: unknown;
}

async function receive(handle: FileHandle, file: RemoteFile, start: number, hash: Hash, request: typeof fetch, options: RequestOptions, watch: FileWatch): Promise<Received> {
  const { stallMs = 30_000, signal } = options;
  const stall = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const rewind = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stall.abort(new Error(`no byte in ${stallMs / 1000} s`)), stallMs);
  };
  let done = start;
  try {
    const response = await request(file.url, { signal: stall.signal, ...(start > 0 ? { headers: { range: `bytes=${start}-` } } : {}) });
    const from = start > 0 && response.status === 206 ? rangeStart(response) : 0;
    if (from !== start) {
      // The server does not go on where it was asked to: the answer is the whole file, or of no use.
      hash = freshHash(file);
      done = 0;
      if (response.status !== 200) throw new Error(`status ${response.status} to a request for bytes from ${start}`);
    }
    if (!response.ok || response.body === null) throw new Error(`status ${response.status} without a body`);
    rewind();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      // No more than was promised, however much is sent.
      const bytes = chunk.subarray(0, file.bytes - done);
      await writeAll(handle, bytes, done);
      hash.update(bytes);
      done += bytes.byteLength;
      watch.onBytes(done, bytes.byteLength);
      rewind();
      if (done === file.bytes) break;
    }
    return done < file.bytes ? { done, hash, error: new Error(`the answer ended after ${done} of ${file.bytes} bytes`) } : { done, hash };
  } catch (error) {
    if (signal?.aborted) throw abortedDownload(signal);
    if (AzrError.isInstance(error) || diskFault(error, file.path) !== error) throw error;
    return { done, hash, error: stall.signal.aborted ? stall.signal.reason : error };
  } finally {
    clearTimeout(timer);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.byteLength; ) {
    written += (await handle.write(bytes, written, bytes.byteLength - written, position + written)).bytesWritten;
  }
}

function rangeStart(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1] ?? -1);
}

// git hashes a header with the content.
function freshHash({ etag, bytes }: RemoteFile): Hash {
  return etag.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${bytes}\0`);
}

async function hashSoFar(path: string, file: RemoteFile): Promise<{ hash: Hash; done: number }> {
  const hash = freshHash(file);
  let done = 0;
  if (file.bytes === 0) return { hash, done };
  for await (const chunk of createReadStream(path, { end: file.bytes - 1, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    done += chunk.byteLength;
  }
  return { hash, done };
}

function cutOff(file: RemoteFile, done: number, { repo }: RequestOptions, error: unknown): AzrError {
  const cause = (error as { cause?: unknown }).cause ?? error;
  return new AzrError("AZR_DOWNLOAD_FAILED", `The download of ${file.path} from ${repo} broke off again and again, at last after ${done} of ${file.bytes} bytes.`, {
    hint: "Check the network and run the command again: it goes on where it was.",
    cause,
  });
}

function mismatch(file: RemoteFile, found: string, { repo }: RequestOptions): AzrError {
  return new AzrError("AZR_DOWNLOAD_FAILED", `What was downloaded as ${file.path} from ${repo} is not what the hub lists: its checksum differs.`, {
    hint: "Run the command again. If it stays so, something between you and the hub changes files: try another network or HF_ENDPOINT.",
    details: { file: basename(file.path), expected: file.etag, found, why: `checksum ${found.slice(0, 12)}... instead of ${file.etag.slice(0, 12)}...` },
  });
}
