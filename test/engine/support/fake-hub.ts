// A hub on this machine: the endpoints that downloads use, over real sockets, with large files on a second host as the real hub has
// them, and with faults as data. What was asked for is kept, so that tests can see what was not.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Test } from "tap";

export interface FakeRepository {
  files: Record<string, string | Buffer>;
  /** Only with this token. */
  token?: string;
  /** Refused as gated: nobody accepted the terms. */
  gated?: boolean;
  /** Names of the one commit. Default main. */
  revisions?: string[];
}

/** Something that goes wrong with requests whose host and path match. */
export interface Fault {
  at: RegExp;
  /** How often; default always. */
  times?: number;
  status?: number;
  headers?: Record<string, string>;
  /** The connection breaks after this many bytes of the body. */
  cutAfter?: number;
  /** The body ends, in good form, after this many bytes. */
  endAfter?: number;
  /** One byte of the body is another. */
  corrupt?: boolean;
  ignoreRange?: boolean;
  /** No Content-Length of the truth but this one. */
  contentLength?: number;
  /** More bytes follow than there should be. */
  extra?: number;
  /** Milliseconds before each 64 KiB of the body. */
  slowMs?: number;
  /** Nothing more comes after the first 64 KiB. */
  hang?: boolean;
  /** The answer is this text. */
  body?: string;
}

export interface SeenRequest {
  host: "hub" | "store";
  method: string;
  path: string;
  authorization: string | undefined;
  range: string | undefined;
}

export interface FakeHub {
  url: string;
  requests: SeenRequest[];
  repositories: Record<string, FakeRepository>;
  faults: Fault[];
  /** Bytes of large files that went out. */
  sent: number;
  /** Requests whose `host path` matches, in short form. */
  asked(pattern: RegExp): string[];
  close(): Promise<void>;
}

const isLarge = (path: string): boolean => /\.(safetensors|gguf|bin)$/.test(path);
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
export const gitBlob = (bytes: Buffer): string => createHash("sha1").update(`blob ${bytes.byteLength}\0`).update(bytes).digest("hex");

/** The commit of a repository: it changes with the contents. */
export function commitOf({ files }: FakeRepository): string {
  const hash = createHash("sha1");
  for (const [path, content] of Object.entries(files)) hash.update(`${path}\0${Buffer.byteLength(content)}\0`).update(content);
  return hash.digest("hex");
}

function listen(handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<Server> {
  const server = createServer((request, response) => void handler(request, response).catch(() => response.destroy()));
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** Starts a hub; with a test it ends with it. */
export async function startFakeHub(repositories: Record<string, FakeRepository>, { t, faults = [] }: { t?: Test; faults?: Fault[] } = {}): Promise<FakeHub> {
  const blobs = new Map<string, Buffer>();
  const note = (host: SeenRequest["host"], request: IncomingMessage): Fault => {
    const { method = "GET", headers } = request;
    const path = decodeURIComponent(request.url!);
    hub.requests.push({ host, method, path, authorization: headers.authorization, range: headers.range });
    const fault = hub.faults.find(({ at, times = 1 }) => times > 0 && at.test(`${host} ${path}`));
    if (fault?.times !== undefined) fault.times -= 1;
    return fault ?? { at: /^/ };
  };

  const store = await listen(async (request, response) => {
    const fault = note("store", request);
    await send(response, request, blobs.get(request.url!.slice(1).split("?")[0]!)!, fault, hub);
  });
  const server = await listen(async (request, response) => {
    const fault = note("hub", request);
    if (fault.status !== undefined) return void response.writeHead(fault.status, fault.headers).end();
    if (fault.body !== undefined) return void response.writeHead(200, { "content-type": "application/json" }).end(fault.body);
    const { pathname, searchParams } = new URL(request.url!, hub.url);
    const match = /^(?:\/api\/models)?\/([\w.-]+\/[\w.-]+)\/(revision|tree|resolve)\/([^/]+)(?:\/(.*))?$/.exec(pathname);
    const [, name = "", action, revision = "", file = ""] = (match ?? []).map((part) => (part === undefined ? part : decodeURIComponent(part)));
    const refuse = (status: number, code: string): void => void response.writeHead(status, { "x-error-code": code, "x-error-message": `${code} of the test` }).end();
    const repository = hub.repositories[name];
    const token = request.headers.authorization?.replace("Bearer ", "");
    if (repository === undefined || (repository.token !== undefined && repository.token !== token)) return refuse(repository === undefined && token !== undefined ? 404 : 401, "RepoNotFound");
    if (repository.gated && action !== "revision") return refuse(token === undefined ? 401 : 403, "GatedRepo");
    const commit = commitOf(repository);
    if (![commit, "main", ...(repository.revisions ?? [])].includes(revision)) return refuse(404, "RevisionNotFound");
    if (action !== "resolve" && (fault.hang || fault.cutAfter !== undefined)) {
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000" }).write('{"sha"');
      return fault.hang ? undefined : void setTimeout(() => response.destroy(), 20);
    }
    if (action === "revision") return json(response, { _id: "1", id: name, modelId: name, sha: commit, private: false, gated: repository.gated ?? false, downloads: 0, likes: 0, tags: [], lastModified: "2024-01-01T00:00:00.000Z", siblings: Object.keys(repository.files).map((rfilename) => ({ rfilename })) });
    if (action === "tree") return json(response, ...page(repository, Number(searchParams.get("cursor") ?? 0), request.url!, hub.url));
    const content = repository.files[file];
    if (content === undefined) return refuse(404, "EntryNotFound");
    const bytes = Buffer.from(content);
    const headers = { "x-repo-commit": commit, "accept-ranges": "bytes" };
    if (!isLarge(file)) {
      for (const [key, value] of Object.entries({ ...headers, etag: `"${gitBlob(bytes)}"` })) response.setHeader(key, value);
      return send(response, request, bytes, fault, hub);
    }
    blobs.set(sha256(bytes), bytes);
    const linked = { "x-linked-etag": `"${sha256(bytes)}"`, "x-linked-size": String(bytes.byteLength) };
    response.writeHead(302, { ...headers, ...linked, location: `${addressOf(store)}/${sha256(bytes)}?signature=1` }).end();
  });

  const hub: FakeHub = {
    url: addressOf(server),
    requests: [],
    repositories,
    faults,
    sent: 0,
    asked: (pattern) => hub.requests.filter(({ host, path }) => pattern.test(`${host} ${path}`)).map(({ path, range }) => `${path.split("?")[0]}${range === undefined ? "" : ` ${range}`}`),
    async close() {
      for (const each of [server, store]) {
        each.closeAllConnections();
        await new Promise((resolve) => each.close(resolve));
      }
    },
  };
  t?.teardown(() => hub.close());
  return hub;
}

function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}

/** The list of files, three a page. */
function page({ files }: FakeRepository, cursor: number, path: string, hub: string): [unknown, Record<string, string>] {
  const all = Object.entries(files).map(([name, content]) => {
    const bytes = Buffer.from(content);
    const entry = { type: "file", path: name, size: bytes.byteLength, oid: gitBlob(bytes) };
    return isLarge(name) ? { ...entry, lfs: { oid: sha256(bytes), size: bytes.byteLength, pointerSize: 130 } } : entry;
  });
  const next = new URL(path, hub);
  next.searchParams.set("cursor", String(cursor + 3));
  return [all.slice(cursor, cursor + 3), cursor + 3 < all.length ? { link: `<${next}>; rel="next"` } : {}];
}

async function drained(response: ServerResponse): Promise<void> {
  const waiting = new AbortController();
  const { signal } = waiting;
  await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })]);
  waiting.abort();
}

async function send(response: ServerResponse, request: IncomingMessage, whole: Buffer, fault: Fault, hub: FakeHub): Promise<void> {
  if (fault.status !== undefined) return void response.writeHead(fault.status, fault.headers).end();
  const start = fault.ignoreRange ? 0 : Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start >= whole.byteLength && start > 0) return void response.writeHead(416).end();
  let body = Buffer.from(whole.subarray(start));
  if (fault.corrupt) body[body.byteLength >> 1]! ^= 1;
  if (fault.extra !== undefined) body = Buffer.concat([body, Buffer.alloc(fault.extra, "x")]);
  const length = fault.endAfter === undefined ? String(fault.contentLength ?? body.byteLength) : undefined;
  const range = start > 0 ? { "content-range": `bytes ${start}-${whole.byteLength - 1}/${whole.byteLength}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { ...(length === undefined ? {} : { "content-length": length }), ...range });
  if (request.method === "HEAD") return void response.end();
  response.flushHeaders();
  const end = Math.min(fault.cutAfter ?? Infinity, fault.endAfter ?? Infinity, body.byteLength);
  for (let at = 0; at < end; at += 65_536) {
    if (fault.slowMs !== undefined) await sleep(fault.slowMs);
    const piece = body.subarray(at, Math.min(at + 65_536, end));
    if (response.destroyed) return;
    hub.sent += piece.byteLength;
    if (!response.write(piece)) await drained(response);
    if (fault.hang) return;
  }
  if (fault.cutAfter === undefined) return void response.end();
  // Give the bytes time to leave before the connection breaks.
  await sleep(20);
  response.destroy();
}
