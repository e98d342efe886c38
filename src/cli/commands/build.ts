// `azr build`: compiles the engine's addon and the executor on this machine.

import { Command, Option } from "commander";
import { build } from "../../../scripts/build.mjs";
import { print, printJson, say } from "../context.ts";
import type { CliContext } from "../context.ts";
import { jsonOption, whole } from "../options.ts";

interface BuildOptions {
  force?: boolean;
  portable?: boolean;
  verbose?: boolean;
  jobs?: number;
  json?: boolean;
}

export function buildCommand(context: CliContext): Command {
  return new Command("build")
    .description("Build the native parts against the LibTorch that is found; does nothing when they are up to date.")
    .option("--force", "build even when up to date")
    .option("--portable", "no instructions of this very processor, so that the result runs on others")
    .option("--verbose", "show the compiler's output, and of a failure also where in the code it was raised")
    .addOption(new Option("--jobs <n>", "compilers at a time").argParser(whole(1)))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr build")
    .action(async ({ json, ...options }: BuildOptions) => {
      const result = await build({ ...options, log: (line) => (json === true ? undefined : say(context, line)) });
      const { folder, built } = result;
      if (json === true) await printJson(context, { type: "build", folder, built });
      else await print(context, folder);
    });
}
