// Runs command lines in this process with captured streams; and the real entry point in a process of its own.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { nativeFolder, packageRoot } from "../../scripts/native-location.mjs";
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

/** Starts `azr ARGS` from its source as a process. */
export function azrProcess(args: string[]): ReturnType<typeof spawn> {
  const loader = join(packageRoot, "scripts", "lib", "typescript-hooks.mjs");
  return spawn(process.execPath, ["--import", loader, entry, ...args], { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, NODE_OPTIONS: "" } });
}

/** Why the real executor cannot be used here; undefined when it can. */
export function noExecutor(): string | undefined {
  const missing = ["azr-executor", "azr-zygote.so"].filter((name) => !existsSync(join(nativeFolder(), name)));
  return missing.length === 0 ? undefined : `the executor is not built: ${missing.join(", ")} missing in ${nativeFolder()}`;
}

/** Lines of JSON as values. */
export function jsonLines(text: string): any[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as unknown);
}
