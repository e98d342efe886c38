// Requests to the hub: with the token (for the hub's own host alone), with patience for passing faults, and with every refusal turned
// into one sentence and what to do. The library @huggingface/hub makes its requests through this too. Used by hub-model.ts.
import { setTimeout as sleep } from "node:timers/promises";
import { AzrError } from "../errors.ts";
import type { HubSettings } from "./hub-settings.ts";

export interface RequestOptions {
  settings: HubSettings;
  /** owner/name, for messages. */
  repo: string;
  signal?: AbortSignal;
  /** Tries in all. Default 5; 3 where no network answers. */
  attempts?: number;
  /** Milliseconds before the second try; each further wait is twice as long. Default 500. */
  retryDelayMs?: number;
  /** Milliseconds without an answer, or without a byte of it, after which a try is given up. Default 30,000. */
  stallMs?: number;
}

const passing = new Set([408, 429, 500, 502, 503, 504]);

/** The wait before try number `attempt` (2, 3, ...), milliseconds; the hub's own word counts, up to a minute. */
export async function backOff(attempt: number, { retryDelayMs = 500, signal }: RequestOptions, retryAfter?: string | null): Promise<void> {
  const asked = Number(retryAfter ?? Number.NaN) * 1000;
  const wait = Number.isFinite(asked) && asked >= 0 ? Math.min(asked, 60_000) : retryDelayMs * 2 ** (attempt - 2);
  try {
    await sleep(wait, undefined, signal === undefined ? {} : { signal });
  } catch {
    throw abortedDownload(signal);
  }
}

/** What a cancelled download rejects with. */
export function abortedDownload(signal?: AbortSignal): AzrError {
  return new AzrError("AZR_ABORTED", "The download was aborted.", { hint: "Run the command again: it goes on where it was.", cause: signal?.reason });
}

/** The hub could not be reached at all, or answered with faults of its own; a copy in the cache may serve instead. */
export function isUnreachable(error: unknown): boolean {
  return AzrError.isInstance(error) && error.code === "AZR_DOWNLOAD_FAILED" && error.details?.["unreachable"] === true;
}

/**
 * A `fetch` that answers with a response that is ok, or throws AZR_DOWNLOAD_FAILED, AZR_MODEL_NOT_FOUND or AZR_ABORTED. `whole`: a try counts only when
 * the body has come too, for answers that are short and read elsewhere.
 */
export function createHubFetch(options: RequestOptions, { whole = false } = {}): typeof fetch {
  const { settings, signal, attempts = 5, stallMs = 30_000 } = options;
  const host = new URL(settings.endpoint).origin;
  return async (input, init) => {
    const address = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init?.headers);
    headers.set("user-agent", "absolute-zero");
    // A range counts bytes as they are stored, so they must come as they are stored. fetch drops the token where a redirect leaves the host.
    headers.set("accept-encoding", "identity");
    if (settings.token !== undefined && address.origin === host) headers.set("authorization", `Bearer ${settings.token}`);
    for (let attempt = 1; ; attempt++) {
      if (signal?.aborted) throw abortedDownload(signal);
      const { response, error } = await tryOnce(address, { ...init, headers }, { stallMs, whole, signals: [signal, init?.signal] });
      if (signal?.aborted) throw abortedDownload(signal);
      if (response?.ok || response?.status === 416) return response;
      if (response !== undefined && !passing.has(response.status)) throw await refusal(response, options);
      await response?.body?.cancel();
      if (attempt >= (isAway(error) ? Math.min(attempts, 3) : attempts)) throw unreachable(response, error, options);
      await backOff(attempt + 1, options, response?.headers.get("retry-after"));
    }
  };
}

// Where there is no network at all, waiting long for it helps nobody.
function isAway(error: unknown): boolean {
  return /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH)$/.test((error as { cause?: { code?: string } } | undefined)?.cause?.code ?? "");
}

interface Try {
  stallMs: number;
  whole: boolean;
  signals: (AbortSignal | null | undefined)[];
}

// The time limit is for the headers, and for the body as a whole where it is read here; else that has its own watch.
async function tryOnce(address: URL, init: RequestInit, { stallMs, whole, signals }: Try): Promise<{ response?: Response; error?: unknown }> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`no answer in ${stallMs / 1000} s`)), stallMs);
  try {
    const signal = AbortSignal.any([late.signal, ...signals.filter((signal) => signal != null)]);
    const response = await fetch(address, { ...init, signal });
    if (!whole || !response.ok) return { response };
    timer.refresh();
    const { status, headers } = response;
    return { response: new Response(await response.arrayBuffer(), { status, headers }) };
  } catch (error) {
    return { error };
  } finally {
    clearTimeout(timer);
  }
}

function unreachable(response: Response | undefined, error: unknown, { settings, repo }: RequestOptions): AzrError {
  const cause = (error as { cause?: unknown } | undefined)?.cause ?? error;
  const what = response === undefined ? `${settings.endpoint} cannot be reached` : `${settings.endpoint} answers with status ${response.status}`;
  return new AzrError("AZR_DOWNLOAD_FAILED", `${what}, so ${repo} cannot be downloaded.`, {
    hint:
      response === undefined
        ? `Check the network (HF_ENDPOINT names another host), or fetch the model elsewhere with \`hf download ${repo} --local-dir DIR\` and give --model that folder.`
        : "Wait a little and run the command again: it goes on where it was.",
    details: { unreachable: true },
    cause,
  });
}

async function refusal(response: Response, { settings, repo }: RequestOptions): Promise<AzrError> {
  await response.body?.cancel();
  const { status, headers } = response;
  const kind = headers.get("x-error-code");
  const details = { status, why: headers.get("x-error-message") ?? `the hub answered with status ${status}` };
  const page = `${settings.endpoint}/${repo}`;
  const failed = (message: string, hint: string) => new AzrError("AZR_DOWNLOAD_FAILED", message, { hint, details });
  const absent = (message: string, hint: string) => new AzrError("AZR_MODEL_NOT_FOUND", message, { hint, details });
  const withToken = settings.token === undefined ? "Run `hf auth login`, or set HF_TOKEN" : `The token from ${settings.tokenFrom} is of an account without it: accept with that account, or set another HF_TOKEN`;
  if (kind === "GatedRepo") return failed(`${repo} is open only to those who accepted its terms.`, `Accept them at ${page}, then give your token. ${withToken}.`);
  if (kind === "RevisionNotFound") return absent(`${repo} has no such revision on the hub.`, `See the branches and tags at ${page}.`);
  if (kind === "EntryNotFound") return absent(`A file that ${repo} lists is not there.`, "Run the command again; the repository may have just changed.");
  if (kind === "RepoNotFound" || status === 404) return absent(`The hub has no model ${repo}, or a private one.`, `Check the name at ${page}. For a private model: ${withToken}.`);
  if (status === 401 && settings.token !== undefined) return failed(`The hub does not accept the token from ${settings.tokenFrom}.`, "Make a new one and run `hf auth login`, or set HF_TOKEN.");
  if (status === 401) return absent(`The hub has no model ${repo}, or a private one.`, `Check the name at ${page}. For a private model: ${withToken}.`);
  if (status === 403) return failed(`The hub does not let you read ${repo}.`, `Look at ${page} whether access can be asked for. ${withToken}.`);
  return failed(`The hub refused a request for ${repo} with status ${status}.`, "Run the command again; if it stays so, see the hub's status page.");
}
