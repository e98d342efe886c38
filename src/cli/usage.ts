// Command lines that cannot be understood, as errors of this package: what commander finds, and what is checked here after it, so that a
// misspelt option is named before the one that is missing because of it. Used by program.ts.

import type { Command, CommanderError } from "commander";
import { AzrError } from "../errors.ts";

/** The words that lead to a command, such as `bench update`; without those of the program itself. */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}`.trim() : "";
}

function invalid(sentence: string, path: string, first = ""): AzrError {
  const help = `npx azr ${path === "" ? "" : `${path} `}--help`;
  return new AzrError("AZR_INPUT_INVALID", sentence, { hint: first === "" ? help : `${first} All options: ${help}` });
}

/** The words of the command line that name a command, such as `bench update`. */
export const commandOf = (program: Command, argv: readonly string[]): string => pathOf(namedCommand(program, argv));

/** The deepest command that the words name. */
function namedCommand(program: Command, argv: readonly string[]): Command {
  let command = program;
  for (const word of argv.filter((word) => !word.startsWith("-"))) {
    const next = command.commands.find((child) => child.name() === word);
    if (next === undefined) break;
    command = next;
  }
  return command;
}

/** What commander could not understand, as one of our errors. */
export function usageError({ message }: CommanderError, program: Command, argv: readonly string[]): AzrError {
  const sentence = message.replace(/^error: /, "").replace(/\n/g, " ");
  return invalid(`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`, commandOf(program, argv));
}

/** Leaves the two checks of a command to `checkUsage` that commander makes too early or in too few words. */
export function postponeChecks(command: Command, required: Map<Command, string[]>): void {
  if (command.commands.length > 0) return;
  const mandatory = command.options.filter((option) => option.mandatory);
  for (const option of mandatory) option.makeOptionMandatory(false);
  required.set(command, mandatory.map((option) => option.attributeName()));
  command.allowExcessArguments(true);
}

/** Throws AZR_INPUT_INVALID for arguments that the command does not take, and for options that it needs and were not given. */
export function checkUsage(command: Command, required: Map<Command, string[]>): void {
  const missing = (required.get(command) ?? []).filter((name) => [name, `${name}File`].every((either) => command.getOptionValue(either) === undefined));
  const flagsOf = (name: string): string => command.options.find((option) => option.attributeName() === name)!.flags;
  const [extra] = command.args.slice(command.registeredArguments.length);
  if (extra !== undefined && !command.registeredArguments.at(-1)?.variadic) {
    const meant = missing[0] ?? (command.options.some((option) => option.long === "--model") ? "model" : undefined);
    const hint = meant === undefined ? "" : `If it is meant as ${flagsOf(meant)}, write --${meant} before it.`;
    throw invalid(`Unexpected argument ${JSON.stringify(extra)}`, pathOf(command), hint);
  }
  if (missing.length > 0) throw invalid(`Required option '${flagsOf(missing[0]!)}' not specified`, pathOf(command));
}
