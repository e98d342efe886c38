// Models of the hub, from a hub on this machine: what is fetched, what is not, and every way in which it can go wrong.
import { spawn, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import type { ModelProgress } from "../../src/engine/hub-progress.ts";
import { pinnedModel, resolveModel } from "../../src/engine/resolve-model.ts";
import type { ResolveOptions } from "../../src/engine/resolve-model.ts";
import { commitOf, startFakeHub } from "./support/fake-hub.ts";
import type { FakeRepository, Fault } from "./support/fake-hub.ts";

const large = randomBytes(400_000);
const small = { "config.json": "{}", "generation_config.json": '{"eos_token_id": 1}', "tokenizer.json": '{"model": {}}', "chat_template.jinja": "{{ messages }}" };
const tiny = (): FakeRepository => ({ files: { ".gitattributes": "x", ...small, "README.md": "x", "model.safetensors": large, "pytorch_model.bin": "pickle" } });
const sharded = (): FakeRepository => ({
  files: {
    ...small,
    "consolidated.safetensors": "x",
    "model-00001-of-00002.safetensors": large.subarray(0, 200_000),
    "model-00002-of-00002.safetensors": large.subarray(200_000),
    "model.safetensors.index.json": JSON.stringify({ weight_map: { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" } }),
  },
});

/** A hub, an empty cache, and a way to ask for models of it. */
async function setUp(t: Test, repositories: Record<string, FakeRepository>, faults: Fault[] = []) {
  const hub = await startFakeHub(repositories, { t, faults });
  const home = mkdtempSync(join(tmpdir(), "azr-hub-"));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const env = { HF_HOME: home, HF_ENDPOINT: hub.url };
  const progress: ModelProgress[] = [];
  const get = (name: string, options: ResolveOptions = {}) =>
    resolveModel(name, { from: home, retryDelayMs: 5, stallMs: 500, onProgress: (each) => void progress.push(each), ...options, env: { ...env, ...options.env } });
  const repository = (name: string) => join(home, "hub", `models--${name.replace("/", "--")}`);
  return { hub, home, env, get, progress, repository };
}

const offline = { env: { HF_HUB_OFFLINE: "1" } };
const leftovers = (repository: string): string[] => readdirSync(join(repository, "blobs")).filter((name) => name.includes("incomplete"));

t.test("a model is fetched once, and only what it needs", async (t) => {
  const { hub, get, repository, progress } = await setUp(t, { "tiny/model": tiny() });
  const commit = commitOf(tiny());
  const model = await get("tiny/model", { env: { HF_TOKEN: "hf_secret" } });
  const folder = join(repository("tiny/model"), "snapshots", commit);
  t.same(model, { name: "tiny/model", weights: folder, config: folder, tokenizer: folder, pinned: `tiny/model@${commit}` });
  t.same(readdirSync(folder).sort(), [...Object.keys(small), "model.safetensors"].sort(), "no pickle, no read-me");
  t.same(readFileSync(join(folder, "model.safetensors")), large);
  t.equal(readFileSync(join(repository("tiny/model"), "refs", "main"), "utf8"), commit);
  t.same(leftovers(repository("tiny/model")), []);
  t.ok(existsSync(join(repository("tiny/model"), "blobs", createHash("sha256").update(large).digest("hex"))));
  t.ok(hub.requests.filter(({ host }) => host === "hub").every(({ authorization }) => authorization === "Bearer hf_secret"));
  t.same(hub.requests.filter(({ host }) => host === "store").map(({ authorization }) => authorization), [undefined], "the token stays with the hub");

  t.match(progress.find(({ type }) => type === "plan"), { model: "tiny/model", files: 1, bytes: 400_000, folder });
  const last = progress.filter((each) => each.type === "download").at(-1)!;
  t.match(last, { file: "model.safetensors", fileBytes: 400_000, fileDone: 400_000, secondsLeft: 0 });
  t.equal(last.done, last.bytes);
  t.ok(last.bytesPerSecond > 0);

  const before = hub.requests.length;
  t.equal((await get("tiny/model")).weights, folder);
  t.equal((await get(`tiny/model@${commit}`)).weights, folder);
  t.equal((await get("tiny/model", offline)).weights, folder);
  t.equal(hub.requests.length, before, "nothing was asked again");
  t.same(await get("tiny/model", { weights: false }), { ...model }, "the description alone");
});

t.test("shards, revisions, GGUF files", async (t) => {
  const ggufs = { "README.md": "x", "m-Q4_0.gguf": large, "m-Q8_0.gguf": large.subarray(1), "sub/m-F16.gguf": "GGUF" };
  const { hub, get, repository } = await setUp(t, { "big/model": { ...sharded(), revisions: ["v1.0", "refs/pr/1"] }, "q/gguf": { files: ggufs } });
  const { weights } = await get("big/model@refs/pr/1");
  t.same(readdirSync(weights).sort(), [...Object.keys(small), "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"].sort());
  t.equal(readFileSync(join(repository("big/model"), "refs", "refs", "pr", "1"), "utf8"), commitOf(sharded()));
  const sent = hub.sent;
  await get("big/model@v1.0");
  t.equal(hub.sent, sent, "the same commit under another name is not fetched again");

  const four = await get("q/gguf:q4_0");
  t.equal(four.gguf, join(repository("q/gguf"), "snapshots", commitOf({ files: ggufs }), "m-Q4_0.gguf"));
  t.match(four, { weights: four.gguf!, config: four.gguf!, tokenizer: four.gguf!, pinned: /^q\/gguf:q4_0@[0-9a-f]{40}$/ });
  t.same(readFileSync(four.gguf!), large);
  t.notOk(existsSync(join(four.gguf!, "..", "m-Q8_0.gguf")));
  t.equal(readFileSync((await get("q/gguf/sub/m-F16.gguf")).gguf!, "utf8"), "GGUF");
  await t.rejects(get("q/gguf"), { code: "AZR_MODEL_FORMAT", message: /3 GGUF files/ }, "though one of them would do in the cache");
  await t.rejects(get("q/gguf:Q2_K"), { code: "AZR_MODEL_NOT_FOUND", hint: /q\/gguf:Q4_0/ });
});

t.test("a newer commit is fetched by a later process, and taken from the cache where the hub is away", async (t) => {
  const { hub, home, env, get } = await setUp(t, { "tiny/model": tiny() });
  const first = await child(["tiny/model"], env);
  t.match(first.at(-1), { type: "result", pinned: `tiny/model@${commitOf(tiny())}` });
  hub.repositories["tiny/model"] = { files: { ...tiny().files, "config.json": '{"new": 1}' } };
  const sent = hub.sent;
  const second = await child(["tiny/model"], env);
  const commit = commitOf(hub.repositories["tiny/model"]);
  t.match(second.at(-1), { type: "result", pinned: `tiny/model@${commit}` });
  t.equal(hub.sent, sent + 10, "only what changed");
  for (const fault of [{ at: /api/, status: 503 }, { at: /revision/, status: 429 }]) {
    hub.faults = [fault];
    const away = await child(["tiny/model"], env);
    t.match(away.at(-2), { type: "note", message: /taking tiny\/model as it is in the cache, commit [0-9a-f]{7}\.$/ });
    t.match(away.at(-1), { type: "result", pinned: `tiny/model@${commit}` });
  }
  await hub.close();
  t.match((await child(["tiny/model"], env)).at(-2), { type: "note", message: /^http:\/\/127\.0\.0\.1:\d+ cannot be reached; taking/ });
  t.match((await child(["tiny/model"], { ...env, HF_HUB_OFFLINE: "1" })).at(-1), { type: "result" });
  t.match((await child([`tiny/model@${commitOf(tiny())}`], env)).at(-1), { type: "result" }, "a commit needs no hub");
  await t.rejects(get("tiny/other"), { code: "AZR_DOWNLOAD_FAILED", message: /cannot be reached, so tiny\/other cannot be downloaded/, hint: /hf download tiny\/other/ });
  const tries = t.capture(globalThis, "fetch", globalThis.fetch);
  await t.rejects(get("tiny/other"), { code: "AZR_DOWNLOAD_FAILED" });
  t.equal(tries().length, 3, "without a network it is not tried for long");
  await t.rejects(get("tiny/other", offline), { code: "AZR_MODEL_NOT_FOUND", message: /HF_HUB_OFFLINE/, hint: /Unset/ });
  rmSync(join(home, "hub", "models--tiny--model", "snapshots", commit, "model.safetensors"));
  await t.rejects(get("tiny/model", offline), { code: "AZR_MODEL_NOT_FOUND", message: /not whole in the cache/ });
});

t.test("passing faults are overcome", async (t) => {
  const faults: Record<string, { faults: Fault[]; ranges?: RegExp }> = {
    "503 twice": { faults: [{ at: /^hub/, times: 2, status: 503 }] },
    "429 with a wait": { faults: [{ at: /resolve.*model\.safetensors/, times: 1, status: 429, headers: { "retry-after": "0" } }] },
    "cut off in the middle, twice": { faults: [{ at: /^store/, times: 2, cutAfter: 131_072 }], ranges: /bytes=131072-.*bytes=262144-/ },
    "ended early in good form": { faults: [{ at: /^store/, times: 1, endAfter: 131_072 }], ranges: /bytes=131072-/ },
    "no more bytes": { faults: [{ at: /^store/, times: 1, hang: true }], ranges: /bytes=65536-/ },
    "the range is ignored": { faults: [{ at: /^store/, times: 1, cutAfter: 131_072 }, { at: /^store/, times: 1, ignoreRange: true }], ranges: /bytes=131072-/ },
    "the link of the store is no longer valid": { faults: [{ at: /^store/, times: 1, cutAfter: 65_536 }, { at: /^store/, times: 1, status: 500 }] },
    "a wrong byte once": { faults: [{ at: /^store/, times: 1, corrupt: true }] },
    "more bytes than promised": { faults: [{ at: /^store/, times: 1, extra: 200_000 }] },
    "a length that is a lie": { faults: [{ at: /^store/, times: 1, contentLength: 1e13, cutAfter: 400_000 }] },
    "a small file with a wrong byte": { faults: [{ at: /resolve.*tokenizer\.json/, times: 1, corrupt: true }] },
  };
  for (const [name, { faults: list, ranges }] of Object.entries(faults)) {
    await t.test(name, async (t) => {
      const { hub, get, repository } = await setUp(t, { "tiny/model": tiny() }, list);
      const { weights } = await get("tiny/model");
      t.same(readFileSync(join(weights, "model.safetensors")), large);
      t.equal(readFileSync(join(weights, "tokenizer.json"), "utf8"), small["tokenizer.json"]);
      t.ok(list.every(({ times }) => times === 0), "the fault came");
      t.same(leftovers(repository("tiny/model")), []);
      if (ranges !== undefined) t.match(hub.asked(/^store/).join(), ranges);
    });
  }
});

t.test("lasting faults end in one sentence and what to do", async (t) => {
  const hint = /./;
  const cases: Record<string, { repository?: FakeRepository; faults?: Fault[]; name?: string; options?: ResolveOptions; error: { code: string; message: RegExp; hint?: RegExp } }> = {
    "no such model": { name: "no/model", error: { code: "AZR_MODEL_NOT_FOUND", message: /no model no\/model, or a private one/, hint: /hf auth login/ } },
    "no such model, with a token": { name: "no/model", options: { env: { HF_TOKEN: "hf_x" } }, error: { code: "AZR_MODEL_NOT_FOUND", message: /no model no\/model/ } },
    "no such revision": { name: "tiny/model@nope", error: { code: "AZR_MODEL_NOT_FOUND", message: /no such revision/ } },
    "a private model": { repository: { ...tiny(), token: "hf_other" }, options: { env: { HF_TOKEN: "hf_x" } }, error: { code: "AZR_MODEL_NOT_FOUND", message: /private/, hint: /HF_TOKEN is of an account/ } },
    "terms that are not accepted": { repository: { ...tiny(), gated: true }, error: { code: "AZR_DOWNLOAD_FAILED", message: /accepted its terms/, hint: /http:\/\/127.*tiny\/model.*hf auth login/ } },
    "terms that this account did not accept": { repository: { ...tiny(), gated: true }, options: { env: { HF_TOKEN: "hf_x" } }, error: { code: "AZR_DOWNLOAD_FAILED", message: /accepted its terms/, hint: /that account/ } },
    "a bad token": { faults: [{ at: /^hub/, status: 401 }], options: { env: { HF_TOKEN: "hf_x" } }, error: { code: "AZR_DOWNLOAD_FAILED", message: /does not accept the token from HF_TOKEN/ } },
    "forbidden": { faults: [{ at: /resolve/, status: 403 }], error: { code: "AZR_DOWNLOAD_FAILED", message: /does not let you read/ } },
    "always 503": { faults: [{ at: /^hub/, status: 503 }], error: { code: "AZR_DOWNLOAD_FAILED", message: /answers with status 503/ } },
    "a status that nobody knows": { faults: [{ at: /^hub/, status: 418 }], error: { code: "AZR_DOWNLOAD_FAILED", message: /status 418/ } },
    "always cut off": { faults: [{ at: /^store/, cutAfter: 0 }], error: { code: "AZR_DOWNLOAD_FAILED", message: /broke off again and again.* 0 of 400000/ } },
    "always ended early": { faults: [{ at: /^store/, endAfter: 0 }], error: { code: "AZR_DOWNLOAD_FAILED", message: /broke off/ } },
    "always wrong": { faults: [{ at: /^store/, corrupt: true }], error: { code: "AZR_DOWNLOAD_FAILED", message: /checksum differs/ } },
    "a file that is listed and gone": { faults: [{ at: /resolve.*tokenizer/, status: 404, headers: { "x-error-code": "EntryNotFound" } }], error: { code: "AZR_MODEL_NOT_FOUND", message: /not there/ } },
    "an index of nothing": { repository: { files: { ...small, "model.safetensors.index.json": "{}" } }, error: { code: "AZR_MODEL_FORMAT", message: /not an index/ } },
    "an index of a file that is not there": { repository: { files: { ...small, "model.safetensors.index.json": '{"weight_map": {"a": "gone.safetensors"}}' } }, error: { code: "AZR_MODEL_FORMAT", message: /names gone\.safetensors/ } },
    "pickles only": { repository: { files: { ...small, "pytorch_model.bin": "x" } }, error: { code: "AZR_MODEL_FORMAT", message: /pickles only/ } },
    "no tokenizer.json": { repository: { files: { "config.json": "{}", "model.safetensors": "x" } }, error: { code: "AZR_MODEL_FORMAT", message: /has no tokenizer\.json/ } },
    "an answer that is not JSON": { faults: [{ at: /api/, body: "<html>" }], error: { code: "AZR_DOWNLOAD_FAILED", message: /cannot be understood/ } },
    "a commit that is none": { faults: [{ at: /api/, body: '{"sha": "../../x"}' }], error: { code: "AZR_DOWNLOAD_FAILED", message: /cannot be understood/ } },
    "a checksum that is a path": { faults: [{ at: /tree/, body: '[{"type": "file", "path": "config.json", "size": 1, "oid": "../../x"}]' }], error: { code: "AZR_DOWNLOAD_FAILED", message: /cannot be understood/ } },
    "a file outside": { faults: [{ at: /tree/, body: `[{"type": "file", "path": "../x-Q8_0.gguf", "size": 1, "oid": "${"0".repeat(40)}"}]` }], error: { code: "AZR_MODEL_FORMAT", message: /no weights/ } },
    "more than the disk holds": { faults: [{ at: /tree/, body: `[{"type": "file", "path": "x.gguf", "size": 8e15, "oid": "${"0".repeat(40)}"}]` }], error: { code: "AZR_DOWNLOAD_FAILED", message: /8000000\.0 GB are to be downloaded.*free/, hint: /HF_HOME/ } },
  };
  for (const [name, { repository = tiny(), faults = [], name: model = "tiny/model", options, error }] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const { get, home } = await setUp(t, { "tiny/model": repository }, faults);
      await t.rejects(get(model, options), { hint, ...error });
      t.notOk(existsSync(join(home, "hub", "models--tiny--model", "refs", "main")), "nothing counts as fetched");
    });
  }
});

t.test("a folder that cannot be written, a disk without room", async (t) => {
  const { env, home, get } = await setUp(t, { "tiny/model": tiny() });
  writeFileSync(join(home, "file"), "x");
  await t.rejects(get("tiny/model", { env: { HF_HUB_CACHE: join(home, "file") } }), { code: "AZR_DOWNLOAD_FAILED", message: /cannot be written/, hint: /HF_HOME/ });
  // The limit on the size of files stands for the disk's end: the system refuses the same write.
  const limited = await child(["tiny/model"], env, "ulimit -f 100");
  t.match(limited.at(-1), { type: "error", code: "AZR_DOWNLOAD_FAILED", message: /no room left/, hint: /kept/ });
  const kept = leftovers(join(home, "hub", "models--tiny--model"));
  t.equal(kept.length, 1);
  t.same(readFileSync(join((await get("tiny/model")).weights, "model.safetensors")), large);
});

t.test("a killed download is gone on with", async (t) => {
  const { hub, env, get, repository } = await setUp(t, { "tiny/model": tiny() }, [{ at: /^store/, slowMs: 100 }]);
  const seen = await child(["tiny/model"], env, ":", (line, pid) => line.type === "download" && line.file === "model.safetensors" && line.fileDone > 0 && process.kill(pid, "SIGKILL"));
  t.notOk(seen.some(({ type }) => type === "result"), "it was killed");
  const [left] = leftovers(repository("tiny/model"));
  t.ok(left, "what it fetched lies there");
  hub.faults = [];
  const { weights } = await get("tiny/model");
  t.same(readFileSync(join(weights, "model.safetensors")), large);
  t.match(hub.asked(/^store/).at(-1), / bytes=[1-9]\d*-$/);
  t.same(leftovers(repository("tiny/model")), []);
});

t.test("what was left and is damaged, or too long, is fetched anew", async (t) => {
  for (const damage of ["flip", "lengthen"] as const) {
    const { hub, get, repository } = await setUp(t, { "tiny/model": tiny() }, [{ at: /^store/, cutAfter: 65_536, times: 1 }, { at: /^store/, status: 403, times: 1 }]);
    await t.rejects(get("tiny/model"), { code: "AZR_DOWNLOAD_FAILED" });
    const [left] = leftovers(repository("tiny/model"));
    const path = join(repository("tiny/model"), "blobs", left!);
    if (damage === "lengthen") truncateSync(path, 500_000);
    else writeFileSync(path, "x".repeat(1000));
    const { weights } = await get("tiny/model");
    t.same(readFileSync(join(weights, "model.safetensors")), large, damage);
    t.same(hub.asked(/^store/).length, damage === "flip" ? 4 : 3);
  }
});

t.test("an abort ends a download at once, and the next one goes on", async (t) => {
  const { hub, get, progress, repository } = await setUp(t, { "tiny/model": tiny() }, [{ at: /^store/, slowMs: 50 }]);
  const controller = new AbortController();
  const reason = new Error("enough");
  const download = get("tiny/model", { signal: controller.signal });
  while (!progress.some((each) => each.type === "download" && each.file === "model.safetensors" && each.fileDone > 0)) await sleep(5);
  controller.abort(reason);
  await t.rejects(download, { code: "AZR_ABORTED", cause: reason, hint: /goes on/ });
  t.equal(leftovers(repository("tiny/model")).length, 1);
  hub.faults = [];
  await get("tiny/model");
  t.match(hub.asked(/^store/).at(-1), / bytes=[1-9]\d*-$/);
  await t.rejects(get("tiny/model@other", { signal: AbortSignal.abort() }), { code: "AZR_ABORTED" });
});

t.test("two at once fetch it once", async (t) => {
  const { hub, env, get, progress } = await setUp(t, { "tiny/model": tiny() }, [{ at: /^store/, slowMs: 40 }]);
  const results = await Promise.all([child(["tiny/model"], env), child(["tiny/model"], env), get("tiny/model"), get("tiny/model")]);
  t.ok(results.slice(0, 2).every((lines) => (lines as any[]).at(-1).type === "result"));
  t.same(readFileSync(join((await get("tiny/model", offline)).weights, "model.safetensors")), large);
  t.ok(progress.some(({ type }) => type === "waiting"), "one of this process waited for the other");
  t.ok(hub.asked(/^store/).length <= 2, `${hub.asked(/^store/).length} downloads`);
});

t.test("a path here goes before a name of the hub", async (t) => {
  const { hub, home, get, progress } = await setUp(t, { "tiny/model": tiny() });
  await get("tiny/model");
  symlinkSync(join(home, "hub", "models--tiny--model", "snapshots"), join(home, "tiny"));
  symlinkSync(commitOf(tiny()), join(home, "hub", "models--tiny--model", "snapshots", "model"));
  const before = hub.requests.length;
  t.equal((await get("tiny/model")).weights, join(home, "tiny", "model"));
  t.equal(hub.requests.length, before);
  t.match(progress.at(-1), { type: "note", message: /is a path here and a model of the hub in the cache: taking/ });
  await t.rejects(get("runs/nothing"), { code: "AZR_MODEL_NOT_FOUND", details: { attempts: [{ source: join(home, "runs/nothing") }, { source: "the hub's runs/nothing" }] } });
});

t.test("a run remembers the commit that it began with", async (t) => {
  const { env, get, home } = await setUp(t, { "tiny/model": tiny() });
  const { pinned } = await get("tiny/model");
  const saved = { ...process.env };
  t.teardown(() => void (process.env = saved));
  Object.assign(process.env, env);
  t.equal(pinnedModel("tiny/model"), pinned);
  for (const name of ["tiny/unseen", "seedling", home]) t.equal(pinnedModel(name), name);
});

// The cache is shared with the tools in Python, so they must find what is written here, and the other way round.
const python = process.env["AZR_HUGGINGFACE_PYTHON"] ?? "python3";
const noPython = spawnSync(python, ["-c", "import huggingface_hub"]).status === 0 ? false : `${python} has no huggingface_hub; AZR_HUGGINGFACE_PYTHON can name one that has`;

t.test("the cache is that of huggingface_hub", { skip: noPython }, async (t) => {
  const ours = await setUp(t, { "tiny/model": tiny(), "big/model": sharded() });
  const { weights } = await ours.get("tiny/model");
  await ours.get("big/model");
  const run = async (code: string, env: Record<string, string>): Promise<unknown> => {
    const process_ = spawn(python, ["-c", `import json\nfrom huggingface_hub import *\n${code}`], { env: { PATH: process.env["PATH"], HF_HUB_DISABLE_PROGRESS_BARS: "1", ...env }, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    for await (const chunk of process_.stdout.setEncoding("utf8")) text += chunk;
    return JSON.parse(text);
  };
  t.equal(await run('print(json.dumps(snapshot_download("tiny/model", local_files_only=True)))', ours.env), weights);
  t.equal(await run('print(json.dumps(hf_hub_download("tiny/model", "model.safetensors", local_files_only=True)))', ours.env), join(weights, "model.safetensors"));
  const scan = 'found = scan_cache_dir()\nprint(json.dumps([[str(w) for w in found.warnings], sorted([repo.repo_id, repo.nb_files, [list(revision.refs) for revision in repo.revisions]] for repo in found.repos)]))';
  t.same(await run(scan, ours.env), [[], [["big/model", 7, [["main"]]], ["tiny/model", 5, [["main"]]]]]);
  const asked = ours.hub.requests.length;
  await run('print(json.dumps(hf_hub_download("tiny/model", "model.safetensors")))', ours.env);
  t.same(ours.hub.asked(/^store/).length, 3, "and fetches none of it again");
  t.ok(ours.hub.requests.length > asked);

  const theirs = await setUp(t, { "tiny/model": tiny(), "big/model": sharded() });
  const folder = await run('print(json.dumps(snapshot_download("tiny/model", allow_patterns=["*.json", "*.safetensors", "*.jinja"])))', theirs.env);
  t.equal((await theirs.get("tiny/model", offline)).weights, folder);
  await run('print(json.dumps(hf_hub_download("big/model", "model-00002-of-00002.safetensors")))', theirs.env);
  const sent = theirs.hub.sent;
  await theirs.get("big/model");
  t.equal(theirs.hub.sent - sent, Object.entries(sharded().files).reduce((sum, [name, content]) => sum + (/00002-of|consolidated/.test(name) ? 0 : content.length), 0), "only what Python had not fetched");
});

t.test("a cache that can only be read serves", { skip: process.getuid?.() === 0 && "root can write everywhere" }, async (t) => {
  const { get, repository } = await setUp(t, { "tiny/model": tiny() });
  await get("tiny/model");
  for (const name of ["blobs", "refs", "snapshots", "."]) chmodSync(join(repository("tiny/model"), name), 0o555);
  await t.resolves(get("tiny/model"));
  for (const name of [".", "blobs", "refs", "snapshots"]) chmodSync(join(repository("tiny/model"), name), 0o755);
});

/** Lines of a process that downloads; `act` sees each as it comes. */
async function child(args: string[], env: Record<string, string>, before = ":", act: (line: any, pid: number) => unknown = () => undefined): Promise<any[]> {
  const script = fileURLToPath(new URL("./support/hub-download.ts", import.meta.url));
  const jiti = fileURLToPath(import.meta.resolve("jiti/register"));
  const process_ = spawn("bash", ["-c", `${before}; exec "$0" "$@"`, process.execPath, "--import", jiti, script, ...args], { env: { PATH: process.env["PATH"], HOME: env["HF_HOME"], ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const lines: any[] = [];
  for await (const text of createInterface({ input: process_.stdout })) {
    lines.push(JSON.parse(text));
    act(lines.at(-1), process_.pid!);
  }
  return lines;
}
