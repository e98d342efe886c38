// How the download of a model is shown: on a terminal, in a log, and by commands as they are run.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { bytesText, modelProgressLine } from "../../src/cli/model-progress.ts";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";
import type { ModelProgress } from "../../src/open-model.ts";
import { commitOf, startFakeHub } from "../engine/support/fake-hub.ts";
import { azrProcess, noEngine, noExecutor } from "./harness.ts";

const download = (done: number, more: object = {}): ModelProgress =>
  ({ type: "download", model: "a/b", file: "model.safetensors", fileBytes: 2e9, fileDone: done, bytes: 2e9, done, bytesPerSecond: 1e7, secondsLeft: (2e9 - done) / 1e7, ...more }) as ModelProgress;

function shown(live: boolean, columns = 100) {
  let text = "";
  let time = 0;
  const line = modelProgressLine({ stream: { write: (more) => void (text += more), columns }, live, now: () => time });
  return { ...line, pass: (ms: number) => void (time += ms), text: () => text };
}

t.test("sizes as people say them", async (t) => {
  const cases: [number, string][] = [[0, "0 B"], [999, "999 B"], [1000, "1.0 kB"], [12_345, "12.3 kB"], [123_456, "123 kB"], [2e9, "2.0 GB"], [3e15, "3000 TB"]];
  for (const [bytes, text] of cases) t.equal(bytesText(bytes), text);
});

t.test("on a terminal", async (t) => {
  const { onProgress, end, text } = shown(true, 60);
  onProgress({ type: "plan", model: "a/b", files: 1, bytes: 2e9, folder: "/cache/x" });
  t.equal(text(), "downloading 2.0 GB of a/b to /cache/x\n");
  onProgress(download(5e8));
  onProgress(download(1e9, { bytesPerSecond: 0, secondsLeft: undefined }));
  const erase = "\r\u001b[2K";
  t.ok(text().endsWith(`\nmodel.safetensors: 500 MB of 2.0 GB, 10.0 MB/s, 3 min left${erase}model.safetensors: 1.0 GB of 2.0 GB`));
  onProgress({ type: "waiting", model: "a/b", file: "x", pid: 7 });
  t.ok(text().endsWith(`${erase}waiting for process 7, which downloads x already\n`));
  onProgress(download(2e9));
  end();
  end();
  t.ok(text().endsWith(`model.safetensors: 2.0 GB of 2.0 GB, 10.0 MB/s${erase}`));
  const narrow = shown(true, 20);
  narrow.onProgress(download(1));
  t.equal(narrow.text().length, 19);
});

t.test("in a log", async (t) => {
  const { onProgress, end, text, pass } = shown(false);
  onProgress({ type: "plan", model: "a/b", files: 1, bytes: 99e6, folder: "/cache/x" });
  onProgress(download(1));
  pass(9_999);
  onProgress(download(2));
  t.equal(text(), "", "small, and soon over");
  pass(1);
  onProgress(download(19e8));
  t.equal(text(), "model.safetensors: 1.9 GB of 2.0 GB, 10.0 MB/s, 10 s left\n");
  onProgress(download(19e8));
  onProgress({ type: "note", model: "a/b", message: "A sentence." });
  end();
  t.ok(text().endsWith("left\nA sentence.\n"));
});

async function stderrOf(args: string[], home: string, endpoint: string): Promise<string> {
  const child = azrProcess(args, { cwd: home, preload: `Object.assign(process.env, ${JSON.stringify({ HF_HOME: home, HF_ENDPOINT: endpoint })})` });
  let stderr = "";
  child.stdout!.resume();
  for await (const chunk of child.stderr!.setEncoding("utf8")) stderr += chunk;
  return stderr;
}

t.test("commands fetch before they open", { skip: noEngine() ?? false }, async (t) => {
  const config = { architectures: ["UnknownForCausalLM"] };
  const files = { "config.json": JSON.stringify(config), "tokenizer.json": "{}", "model.safetensors": Buffer.alloc(1000) };
  const hub = await startFakeHub({ "tiny/model": { files } }, { t });
  const home = mkdtempSync(join(tmpdir(), "azr-hub-"));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const run = (args: string[]) => stderrOf(args, home, hub.url);
  t.match(await run(["inspect", "model", "--model", "tiny/model"]), /AZR_MODEL_FORMAT: .*Unknown/);
  t.notOk(existsSync(join(home, "hub", "models--tiny--model", "snapshots", "model.safetensors")));
  hub.requests.length = 0;
  t.match(await run(["score", "--jsonl", "-", "--model", "tiny/model", "--json"]), /^\{"type":"error","code":"AZR_MODEL_FORMAT"/);
  t.same(hub.asked(/revision/).length, 1, "the branch is looked up once");
  t.same(hub.asked(/^store/).length, 1);
  t.match(await run(["train", "--model", "no/model", "--steps", "1"]), /AZR_MODEL_NOT_FOUND: The hub has no model no\/model.*\n.*\n  tried: 1\. .*no\/model: there is no such file or folder/);
});

t.test("a run goes on from the commit that it began with, though the hub is away", { skip: noEngine() ?? noExecutor() ?? false }, async (t) => {
  const files = Object.fromEntries(["config.json", "generation_config.json", "tokenizer.json", "model.safetensors"].map((name) => [name, readFileSync(join(seedlingFolder(), name))]));
  const hub = await startFakeHub({ "tiny/seedling": { files } }, { t });
  const home = mkdtempSync(join(tmpdir(), "azr-hub-"));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const settings = ["--preset", "tiny-cpu", "--set", "run.dir=runs", "--set", "run.name=one"];
  await stderrOf(["train", "--model", "tiny/seedling", "--steps", "0", ...settings], home, hub.url);
  const run = join(home, "runs", "one");
  t.equal(JSON.parse(readFileSync(join(run, "config.json"), "utf8")).config.model, `tiny/seedling@${commitOf(hub.repositories["tiny/seedling"]!)}`);
  await hub.close();
  t.match(await stderrOf(["resume", run, "--steps", "1"], home, hub.url), /step 1\/1/);
});
