// `azr verify`: judges answers to tasks exactly as training does.

import { Command } from "commander";
import { verifyJsonl } from "../../curriculum/verify-jsonl.ts";
import type { VerifyAnswer } from "../../curriculum/verify-jsonl.ts";
import { openExecutor } from "../../executor/open.ts";
import type { CliContext } from "../context.ts";
import { runJsonl } from "../jsonl-command.ts";
import { allowUntestedPythonOption, jsonOption, pythonOption, workersOption } from "../options.ts";

interface VerifyOptions {
  jsonl: string;
  json?: boolean;
  workers?: number;
  python?: string;
  allowUntestedPython?: boolean;
}

export function verifyCommand(context: CliContext): Command {
  return new Command("verify")
    .description("Judge answers to tasks: correct, wrong, malformed or undecided, one verdict a line.")
    .requiredOption("--jsonl <file>", 'lines {"id","task":Task,"answer":text}; - for standard input')
    .addOption(workersOption())
    .addOption(pythonOption())
    .addOption(allowUntestedPythonOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr verify --jsonl answers.jsonl")
    .action(({ workers, python, allowUntestedPython, ...options }: VerifyOptions) =>
      runJsonl<VerifyAnswer>(context, options, async (job) => {
        await using executor = await openExecutor({ workers, python, allowUntestedPython });
        return await verifyJsonl({ ...job, executor });
      }),
    );
}
