// A hub on this machine with small models in it, an empty cache, and ways to ask for models: in this process or in a child. Used by hub-*.test.ts.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import type { ModelProgress } from "../../../src/engine/hub-progress.ts";
import { resolveModel } from "../../../src/engine/resolve-model.ts";
import type { ResolveOptions } from "../../../src/engine/resolve-model.ts";
import { startFakeHub } from "./fake-hub.ts";
import type { FakeRepository, Fault } from "./fake-hub.ts";

export const large = randomBytes(400_000);
export const small = { "config.json": "{}", "generation_config.json": '{"eos_token_id": 1}', "tokenizer.json": '{"model": {}}', "chat_template.jinja": "{{ messages }}" };
export const tiny = (): FakeRepository => ({ files: { ".gitattributes": "x", ...small, "README.md": "x", "model.safetensors": large, "pytorch_model.bin": "pickle" } });
export const sharded = (): FakeRepository => ({
  files: {
    ...small,
    "consolidated.safetensors": "x",
    "model-00001-of-00002.safetensors": large.subarray(0, 200_000),
    "model-00002-of-00002.safetensors": large.subarray(200_000),
    "model.safetensors.index.json": JSON.stringify({ weight_map: { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" } }),
  },
});

/** A hub, an empty cache, and a way to ask for models of it. */
export async function setUp(t: Test, repositories: Record<string, FakeRepository>, faults: Fault[] = []) {
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

export const offline = { env: { HF_HUB_OFFLINE: "1" } };
export const leftovers = (repository: string): string[] => readdirSync(join(repository, "blobs")).filter((name) => name.includes("incomplete"));

/** Lines of a process that downloads; `act` sees each as it comes. */
export async function child(args: string[], env: Record<string, string>, before = ":", act: (line: any, pid: number) => unknown = () => undefined): Promise<any[]> {
  const script = fileURLToPath(new URL("./hub-download.ts", import.meta.url));
  const hooks = fileURLToPath(new URL("../../../scripts/lib/typescript-hooks.mjs", import.meta.url));
  const process_ = spawn("bash", ["-c", `${before}; exec "$0" "$@"`, process.execPath, "--import", hooks, script, ...args], { env: { PATH: process.env["PATH"], HOME: env["HF_HOME"], ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const lines: any[] = [];
  for await (const text of createInterface({ input: process_.stdout })) {
    lines.push(JSON.parse(text));
    act(lines.at(-1), process_.pid!);
  }
  return lines;
}
