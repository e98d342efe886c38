// The `azr` command tree. Each command is one file in commands/; this one joins them and turns whatever happens into an exit code.

import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { auditCommand } from "./commands/audit.ts";
import { benchCommand } from "./commands/bench.ts";
import { buildCommand } from "./commands/build.ts";
import { compareCommand } from "./commands/compare.ts";
import { debugCommand } from "./commands/debug.ts";
import { demoCommand } from "./commands/demo.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { evalCommand } from "./commands/eval.ts";
import { execCommand } from "./commands/exec.ts";
import { exportCommand } from "./commands/export.ts";
import { generateCommand } from "./commands/generate.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { replayCommand } from "./commands/replay.ts";
import { resumeCommand } from "./commands/resume.ts";
import { scoreCommand } from "./commands/score.ts";
import { sftCommand } from "./commands/sft.ts";
import { torchCommand } from "./commands/torch.ts";
import { trainCommand } from "./commands/train.ts";
import { verifyCommand } from "./commands/verify.ts";
import { errorExitCodes } from "../errors.ts";
import type { CliContext } from "./context.ts";
import { describeFailure, failureJson, failureText } from "./failure.ts";
import { verboseOption } from "./options.ts";
import { checkUsage, commandOf, postponeChecks, usageError } from "./usage.ts";

const commands = [
  demoCommand,
  trainCommand,
  sftCommand,
  resumeCommand,
  replayCommand,
  auditCommand,
  evalCommand,
  compareCommand,
  generateCommand,
  scoreCommand,
  exportCommand,
  execCommand,
  verifyCommand,
  benchCommand,
  inspectCommand,
  debugCommand,
  doctorCommand,
  torchCommand,
  buildCommand,
];

/** Those that open an engine or an executor. */
const needNative = new Set(["demo", "train", "sft", "resume", "replay", "eval", "generate", "score", "export", "exec", "verify", "executor", "decode", "update"]);

/** Exit code of a command line that could not be understood: that of AZR_INPUT_INVALID. */
const usageExitCode = errorExitCodes.AZR_INPUT_INVALID;

/** The version in package.json, which lies two folders above both src/cli and dist/cli. */
export function packageVersion(): string {
  return (createRequire(import.meta.url)("../../package.json") as { version: string }).version;
}

/** The command tree, bound to a context. */
export function createProgram(context: CliContext): Command {
  const program = new Command("azr")
    .description("A language model teaches itself to reason: it invents Python tasks, a locked process checks them, it solves them and learns.")
    .version(packageVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .showSuggestionAfterError()
    .addHelpText("after", "\nExample:\n  azr demo --steps 20");
  for (const create of commands) program.addCommand(create(context));
  // Settings are inherited only by commands made with program.command(); these were made on their own.
  const required = new Map<Command, string[]>();
  const configure = (command: Command): void => {
    command.exitOverride().configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      // runCli tells it, in the form of all failures.
      outputError: () => undefined,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      getOutHelpWidth: () => Math.min(100, context.stdout.columns ?? 100),
      getErrHelpWidth: () => Math.min(100, context.stderr.columns ?? 100),
    });
    command.helpOption("-h, --help", "print help");
    if (command.commands.length > 0) command.helpCommand("help [command]", "print help for a command");
    postponeChecks(command, required);
    if (command.commands.length === 0 && !command.options.some(({ long }) => long === "--verbose")) command.addOption(verboseOption());
    command.commands.forEach(configure);
  };
  configure(program);
  program.hook("preAction", async (_program, command) => {
    checkUsage(command, required);
    const { dryRun, json } = command.opts<{ dryRun?: boolean; json?: boolean }>();
    if (needNative.has(command.name()) && dryRun !== true) await context.prepare?.((line) => void (json === true || context.stderr.write(`${line}\n`)));
  });
  return program;
}

/** Runs a command line (without node and script) and answers the exit code. Never throws. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  const program = createProgram(context);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return context.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && (thrown.exitCode === 0 || thrown.code === "commander.help")) {
      return thrown.exitCode === 0 ? 0 : usageExitCode;
    }
    const verbose = argv.includes("--verbose");
    const failure = describeFailure(thrown instanceof CommanderError ? usageError(thrown, program, argv) : thrown, { verbose, command: commandOf(program, argv) });
    context.stderr.write(argv.includes("--json") ? failureJson(failure) : failureText(failure));
    return failure.exitCode;
  }
}
