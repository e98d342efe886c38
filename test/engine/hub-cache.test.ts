// The cache of downloads, as other tools and other users see it.
import { spawn, spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { offline, setUp, sharded, tiny } from "./support/hub-setup.ts";

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
