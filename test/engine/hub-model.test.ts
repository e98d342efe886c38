// Models of the hub, from a hub on this machine: what is fetched, what is not, and which one a name means. What can go wrong is in hub-faults.test.ts
// and hub-resume.test.ts.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { pinnedModel } from "../../src/engine/resolve-model.ts";
import { commitOf } from "./support/fake-hub.ts";
import { child, large, leftovers, offline, setUp, sharded, small, tiny } from "./support/hub-setup.ts";

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
