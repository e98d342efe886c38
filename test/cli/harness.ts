// Runs command lines in this process with captured streams; and the real entry point in a process of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { nativeFolder } from "../../scripts/native-location.mjs";
import type { CliContext, StopSignal } from "../../src/cli/context.ts";
import { runCli } from "../../src/cli/program.ts";

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** A context whose streams are kept, with a way to send it signals. */
export function capture(cwd = process.cwd()): { context: CliContext; text(): Omit<CliResult, "code">; signal(name: StopSignal): void } {
  const collect = (): { stream: PassThrough; text(): string } => {
    const stream = new PassThrough();
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    return { stream, text: () => Buffer.concat(chunks).toString("utf8") };
  };
  const out = collect();
  const err = collect();
  const listeners = new Set<(signal: StopSignal) => void>();
  const context: CliContext = {
    stdout: out.stream,
    stderr: err.stream,
    env: {},
    cwd,
    exitCode: 0,
    onSignal(callback) {
      listeners.add(callback);
      return () => void listeners.delete(callback);
    },
  };
  return {
    context,
    text: () => ({ stdout: out.text(), stderr: err.text() }),
    signal: (name) => [...listeners].forEach((listener) => listener(name)),
  };
}

/** Runs `azr ARGS` in this process. */
export async function azr(args: string[], cwd?: string): Promise<CliResult> {
  const { context, text } = capture(cwd);
  const code = await runCli(args, context);
  await new Promise((resolve) => setImmediate(resolve));
  return { code, ...text() };
}

const entry = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const jiti = fileURLToPath(import.meta.resolve("jiti/register"));

export interface ChildOptions {
  cwd?: string;
  /** JavaScript to run in the process first. */
  preload?: string;
  /** Does something to the process some time after the first line of stdout for which `line` is true. */
  at?: { line: (line: string) => boolean; act: (pid: number) => void; afterMs?: number };
}

export interface ChildResult extends Omit<CliResult, "code"> {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Starts `azr ARGS` as a process; TypeScript is loaded by jiti. */
export function azrProcess(args: string[], { cwd, preload = "" }: ChildOptions = {}): ReturnType<typeof spawn> {
  // The variables of whoever runs the tests should decide nothing.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AZR_(PRESET|MODEL|SEED|RUN_DIR|THREADS|WORKERS)|NODE_OPTIONS|TAP.*)$/.test(name)));
  return spawn(process.execPath, ["--import", jiti, "--import", `data:text/javascript,${encodeURIComponent(preload)}`, entry, ...args], { stdio: ["pipe", "pipe", "pipe"], env, cwd });
}

/** Runs `azr ARGS` as a process to its end. */
export async function azrChild(args: string[], options: ChildOptions = {}): Promise<ChildResult> {
  const child = azrProcess(args, options);
  const texts = { stdout: "", stderr: "" };
  let watch = options.at;
  for (const name of ["stdout", "stderr"] as const) {
    child[name]!.setEncoding("utf8").on("data", (chunk: string) => {
      texts[name] += chunk;
      if (watch === undefined || !texts.stdout.split("\n").slice(0, -1).some(watch.line)) return;
      const { act, afterMs = 0 } = watch;
      watch = undefined;
      setTimeout(() => act(child.pid!), afterMs);
    });
  }
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, ...texts };
}

const missing = (...names: string[]): string | undefined => {
  const absent = names.filter((name) => !existsSync(join(nativeFolder(), name)));
  return absent.length === 0 ? undefined : `not built: ${absent.join(", ")} missing in ${nativeFolder()}`;
};

/** Why the real executor, or engine, cannot be used here; undefined when it can. */
export const noExecutor = (): string | undefined => missing("azr-executor", "azr-zygote.so");
export const noEngine = (): string | undefined => missing("azr.node");

/** Lines of JSON as values. */
export function jsonLines(text: string): any[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as unknown);
}
