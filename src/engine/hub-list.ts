// What the hub says of a repository: the commit of a branch, and the files of a commit. Asked by means of @huggingface/hub, whose
// answers are checked here before anything relies on them. Used by hub-model.ts.
import { AzrError } from "../errors.ts";
import type { RemoteFile } from "./hub-download.ts";
import { isPlainPath } from "./hub-name.ts";
import type { HubName } from "./hub-name.ts";
import { abortedDownload, createHubFetch } from "./hub-request.ts";
import type { RequestOptions } from "./hub-request.ts";

/** The commit that a revision is at. Throws what the request throws, and AZR_DOWNLOAD_FAILED for an answer that makes no sense. */
export async function currentCommit({ repo, revision }: HubName, request: RequestOptions): Promise<string> {
  const { modelInfo } = await import("@huggingface/hub");
  const { sha } = await ofHub(modelInfo({ name: repo, revision, additionalFields: ["sha"], hubUrl: request.settings.endpoint, fetch: createHubFetch(request, { whole: true }) }), request);
  if (!/^[0-9a-f]{40}$/.test(sha ?? "")) throw oddAnswer(request, new Error(`the commit is ${JSON.stringify(sha)}`));
  return sha;
}

/** The files of a commit. Throws as `currentCommit` does. */
export async function listHubFiles({ repo }: Pick<HubName, "repo">, commit: string, request: RequestOptions): Promise<RemoteFile[]> {
  const { listFiles } = await import("@huggingface/hub");
  const list = async (): Promise<RemoteFile[]> => {
    const files: RemoteFile[] = [];
    const { endpoint } = request.settings;
    for await (const { type, path, size, oid, lfs } of listFiles({ repo: { type: "model", name: repo }, revision: commit, recursive: true, hubUrl: endpoint, fetch: createHubFetch(request, { whole: true }) })) {
      const etag = lfs?.oid ?? oid;
      if (type !== "file" || !isPlainPath(path)) continue;
      if (etag === undefined || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag) || !Number.isSafeInteger(size) || size < 0) throw new Error(`${path} has no sound size and checksum`);
      files.push({ path, bytes: size, etag, url: `${endpoint}/${repo}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}` });
    }
    return files;
  };
  return ofHub(list(), request);
}

async function ofHub<Value>(answer: Promise<Value>, request: RequestOptions): Promise<Value> {
  return answer.catch((error: unknown) => {
    if (request.signal?.aborted) throw abortedDownload(request.signal);
    throw AzrError.isInstance(error) ? error : oddAnswer(request, error);
  });
}

function oddAnswer({ settings, repo }: RequestOptions, cause: unknown): AzrError {
  return new AzrError("AZR_DOWNLOAD_FAILED", `${settings.endpoint} gave an answer about ${repo} that cannot be understood.`, {
    hint: "Run the command again; check that HF_ENDPOINT, when it is set, names a hub.",
    cause,
  });
}
