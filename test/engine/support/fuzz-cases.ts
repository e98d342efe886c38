// Opens damaged models as a user opens them, in this process: each must be refused with an error of ours, or work; within time, and
// without memory for what a file merely claims. ../fuzz.ts runs it in child processes, so that a crash is a finding and not the end.
import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadChatTemplate } from "../../../src/engine/chat-template.ts";
import { loadTokenizer } from "../../../src/engine/tokenizer.ts";
import { AzrError } from "../../../src/errors.ts";
import { inspectModel } from "../../../src/inspect-model.ts";
import { openModel } from "../../../src/open-model.ts";
import type { OpenModel } from "../../../src/open-model.ts";
import { createRandom } from "../../../src/random.ts";
import { damagedCase } from "./damage.ts";
import type { Content, Damage, DamagedModel, Sound } from "./damage.ts";
import { folderDamages, soundFolders } from "./damaged-folders.ts";
import { ggufDamages, soundGguf } from "./damaged-gguf.ts";
import { soundTokenizers, tokenizerDamages } from "./damaged-tokenizers.ts";

const tables: Record<string, { damages: Record<string, Damage>; sound: Sound }> = {
  folder: { damages: folderDamages, sound: soundFolders },
  gguf: { damages: ggufDamages, sound: soundGguf },
  tokenizer: { damages: tokenizerDamages, sound: soundTokenizers },
};

/** Sorts of damaged model: Hugging Face folders, GGUF files, and tokenizers with chat templates. */
export const kinds = Object.keys(tables);

export interface Outcome {
  kind: string;
  number: number;
  what: string;
  /** A code of ours, "opened", or "foreign". */
  outcome: string;
  /** What is wrong. */
  fault?: string;
  /** Seconds of processor time, and MiB that were resident at most beyond those before. */
  seconds: number;
  mebibytes: number;
}

/** What a case may add to the resident memory, and take in processor time. The models have a megabyte; a header may have 100 MB, if the file has. */
const mostMebibytes = 256;
const mostSeconds = 10;

const allowed = new Set(["AZR_MODEL_FORMAT", "AZR_MODEL_NOT_FOUND", "AZR_TOKENIZER_FORMAT"]);
// Of what comes after opening: a template that refuses a conversation, and weights that give no numbers.
const allowedLater = new Set([...allowed, "AZR_INPUT_INVALID", "AZR_NUMERICS"]);

export function caseOf(kind: string, seed: number, number: number): DamagedModel {
  return damagedCase(tables[kind]!.damages, number, createRandom(seed, `damaged ${kind}`, number));
}

function write(path: string, content: Content): void {
  if (typeof content === "string" || content instanceof Uint8Array) writeFileSync(path, content);
  else if ("link" in content) symlinkSync(content.link, path);
  else if ("folder" in content) mkdirSync(path);
  else if ("pipe" in content) execFileSync("mkfifo", [path]);
  else {
    const descriptor = openSync(path, "w");
    writeSync(descriptor, content.head);
    ftruncateSync(descriptor, content.bytes);
    closeSync(descriptor);
  }
}

const conversation = [{ role: "system", content: "a" }, { role: "user", content: "b <s> \u00e9\u{1f600}" }, { role: "assistant", content: "c" }];

function useTokenizer(tokenizer: Pick<OpenModel["tokenizer"], "decode"> & { encode(text: string, options: { begin: boolean }): ArrayLike<number> }): void {
  const ids = tokenizer.encode("abcd <s> \u00e9\u{1f600} print(12)", { begin: true });
  tokenizer.decode([...Array.from(ids), 0, 7, 10 ** 6, -1]);
}

async function useModel(place: string): Promise<void> {
  await inspectModel({ model: place });
  await using model = await openModel({ model: place, threads: 1 });
  useTokenizer(model.tokenizer);
  const prompts = { tokens: Int32Array.of(1, 2, 3), lengths: Int32Array.of(3) };
  const later = (error: unknown): void => {
    if (!AzrError.isInstance(error) || !allowedLater.has(error.code)) throw error;
  };
  await model.engine.score({ sequences: prompts }).catch(later);
  await model.engine.generate({ prompts, samples: 2, maxTokens: 3, stopTokens: [], seed: 1 }).catch(later);
}

function useTemplate(place: string): void {
  const template = loadChatTemplate(place);
  template(conversation);
  template(conversation.slice(1), { tools: [{ name: "f" }], addGenerationPrompt: false });
}

async function use(kind: string, place: string): Promise<void> {
  if (kind === "tokenizer") useTokenizer(loadTokenizer(place));
  else await useModel(place);
  if (kind !== "folder") useTemplate(place);
}

async function tryCase(kind: string, { file, files, mustFail }: DamagedModel, root: string): Promise<Pick<Outcome, "outcome" | "fault">> {
  const folder = join(root, "model");
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) write(join(folder, name), content);
  try {
    await use(kind, file === undefined ? folder : join(folder, file));
    return { outcome: "opened", ...(mustFail ? { fault: "it was opened" } : {}) };
  } catch (error) {
    if (!AzrError.isInstance(error)) return { outcome: "foreign", fault: `no error of ours: ${(error as Error).stack ?? String(error)}`.slice(0, 2000) };
    const { code, message, hint } = error;
    const known = (kind === "folder" ? allowed : allowedLater).has(code);
    return { outcome: code, ...(known && message.length > 10 && message.length < 2000 && hint ? {} : { fault: `${code}: ${message.slice(0, 1000)} (${message.length} characters, hint: ${hint})` }) };
  }
}

function resident(key: "VmRSS" | "VmHWM"): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;
}

async function runCase(kind: string, number: number, damaged: DamagedModel, root: string): Promise<Outcome> {
  writeFileSync("/proc/self/clear_refs", "5"); // the peak begins anew
  const before = resident("VmRSS");
  const start = process.cpuUsage();
  const result = await tryCase(kind, damaged, root);
  const { user, system } = process.cpuUsage(start);
  const outcome: Outcome = { kind, number, what: damaged.what, ...result, seconds: (user + system) / 1e6, mebibytes: Math.max(0, resident("VmHWM") - before) };
  if (outcome.mebibytes > mostMebibytes) outcome.fault ??= `${outcome.mebibytes.toFixed(0)} MiB of memory`;
  if (outcome.seconds > mostSeconds) outcome.fault ??= `${outcome.seconds.toFixed(1)} s`;
  rmSync(root, { recursive: true, force: true });
  return outcome;
}

/** Cases first to last of a kind, and an outcome of each as a line of JSON. */
export async function runCases(kind: string, seed: number, first: number, last: number): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "azr-fuzz-"));
  try {
    // What is sound opens; and the library is loaded, so that the memory that follows is that of the cases.
    for (let number = 0; number < 10; number++) {
      const { outcome } = await runCase(kind, number, { what: "sound", mustFail: false, ...tables[kind]!.sound(createRandom(seed, "sound", number)) }, root);
      if (outcome !== "opened") throw new Error(`a sound ${kind} was not opened: ${outcome}`);
    }
    for (let number = first; number < last; number++) process.stdout.write(`${JSON.stringify(await runCase(kind, number, caseOf(kind, seed, number), root))}\n`);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
