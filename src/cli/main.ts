#!/usr/bin/env node
// Entry of the `azr` command: binds the process's streams and signals to a context, runs the command line, sets the exit code.
// A reader that goes away (`azr ... | head`) ends the command quietly, as it does for other Unix tools.

import { createInterface } from "node:readline/promises";
import { prepareNative } from "../prepare-native.ts";
import type { CliContext } from "./context.ts";
import { describeFailure, failureJson, failureText } from "./failure.ts";
import { runCli } from "./program.ts";

const { stdin, stdout, stderr, argv } = process;

// What no command caught is a fault of ours, told like any other failure.
process.on("uncaughtException", (error) => {
  const failure = describeFailure(error, { verbose: argv.includes("--verbose") });
  stderr.write(argv.includes("--json") ? failureJson(failure) : failureText(failure), () => process.exit(failure.exitCode));
});

for (const stream of [stdout, stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(process.exitCode ?? 0);
  });
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

const context: CliContext = {
  stdout,
  stderr,
  env: process.env,
  cwd: process.cwd(),
  exitCode: 0,
  ...(stdin.isTTY && stderr.isTTY && !process.env["CI"] ? { ask } : {}),
  prepare: prepareNative,
  quit: (exitCode) => process.exit(exitCode),
  onSignal(callback) {
    const interrupt = (): void => callback("SIGINT");
    const terminate = (): void => callback("SIGTERM");
    process.on("SIGINT", interrupt).on("SIGTERM", terminate);
    return () => void process.off("SIGINT", interrupt).off("SIGTERM", terminate);
  },
};

process.exitCode = await runCli(argv.slice(2), context);
