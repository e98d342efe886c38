// Command lines that cannot be understood, as errors of this package: what commander finds, and what is checked here after it, so that a
// misspelt option is named before the one that is missing because of it. Used by program.ts.

import type { Command, CommanderError } from "commander";
import { resolveConfig } from "../config/index.ts";
import { leaves, type Tree } from "../config/tree.ts";
import { AzrError } from "../errors.ts";
import { resolveSft } from "../sft/config.ts";

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

/** What other programs call options of ours. */
const elsewhere: Record<string, string> = {
  "--max-new-tokens": "--max-tokens", "--n-predict": "--max-tokens", "--temp": "--temperature", "--num-samples": "--n", "--samples": "--n", "--num-return-sequences": "--n",
  "--model-path": "--model", "--model-name": "--model", "--model_name_or_path": "--model", "--lora": "--adapter", "--file": "--prompt-file", "--system-prompt": "--system", "--dtype": "--weights",
  "--output": "--out", "--output-dir": "--out", "--train-file": "--data", "--dataset": "--data", "--input": "--jsonl", "--num-epochs": "--epochs", "--max-steps": "--steps",
};

const settingNames: Record<string, string> = { lr: "learningRate", batchSize: "batchTokens", loraRank: "rank", loraAlpha: "alpha", name: "run.name" };

/** Settings that an option may be meant as: those that end with its name. */
function settingsLike(option: string, command: Command): string[] {
  const camel = option.replace(/^-+/, "").replace(/[-_](\w)/g, (_, letter: string) => letter.toUpperCase());
  const wanted = settingNames[camel] ?? camel;
  const { config } = command.name() === "sft" ? resolveSft({ argument: { data: { files: [{ path: "-" }] } } }) : resolveConfig({});
  return leaves(config as Tree).map(([path]) => path).concat("run.name").filter((path) => path === wanted || path.endsWith(`.${wanted}`));
}

/** What commander could not understand, as one of our errors. */
export function usageError({ message }: CommanderError, program: Command, argv: readonly string[]): AzrError {
  const command = namedCommand(program, argv);
  const has = (flag: string): boolean => command.options.some(({ long }) => long === flag);
  let sentence = message.replace(/^error: /, "").replace(/\n/g, " ");
  let first = "";
  const [, option] = /^unknown option '(--[\w-]+)/.exec(sentence) ?? [];
  const known = option === undefined ? undefined : elsewhere[option];
  if (known !== undefined && has(known)) sentence = `unknown option '${option}' (Did you mean ${known}?)`;
  else if (option !== undefined && has("--set") && !sentence.includes("Did you mean")) {
    const [setting] = settingsLike(option, command);
    first = setting === undefined ? "Settings are given by --set KEY=VALUE." : `As a setting it is --set ${setting}=VALUE.`;
  }
  return invalid(`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`, pathOf(command), first);
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
