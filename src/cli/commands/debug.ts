// `azr debug update`: does a gradient step that failed once more, from what its run kept of it.

import { resolve } from "node:path";
import { Command } from "commander";
import { errorExitCodes } from "../../errors.ts";
import { replayUpdate, type ReplayReport } from "../../replay-update.ts";
import { print, printJson } from "../context.ts";
import type { CliContext } from "../context.ts";
import { jsonOption, threadsOption } from "../options.ts";
import { slowLine } from "../slow-line.ts";
import { stoppable } from "../stop.ts";

/** The report as lines of text. */
function replayText({ step, failure, again, result, prompts, completions, tokens, inputs, weights, culprits }: ReplayReport): string {
  const counted = ({ name, count, notFinite }: ReplayReport["inputs"][number]) => `  ${name}: ${notFinite} of ${count} values are not finite`;
  return [
    `step ${step} failed with ${failure.code}: ${failure.message}`,
    again === null ? `now it does not fail: loss ${result!.loss}, gradient norm ${result!.gradientNorm}` : `now it fails with ${again.code}: ${again.message}`,
    `the update: ${completions} completions to ${prompts} prompts, ${tokens} tokens`,
    ...inputs.map(counted),
    weights.length === 0 ? "the weights: all values are finite" : "the weights:",
    ...weights.map(counted),
    ...culprits.map(({ completion, prompt, tokens: length }) => `completion ${completion} (prompt ${prompt}, ${length} tokens) fails alone`),
  ].join("\n");
}

export function debugCommand(context: CliContext): Command {
  const update = new Command("update")
    .description("Do a gradient step that failed once more: does it fail again, and what is not finite?")
    .argument("<folder>", "what the run kept of it: RUN/failures/step-NNNNNN")
    .addOption(threadsOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr debug update runs/demo-seed0/failures/step-000012")
    .action(async (folder: string, { threads, json = false }: { threads?: number; json?: boolean }) => {
      await stoppable(context, json, async (signal) => {
        using progress = slowLine(context, "doing the update again", { json });
        const report = await replayUpdate(resolve(context.cwd, folder), { signal, ...(threads === undefined ? {} : { threads }) });
        progress.erase();
        if (report.again !== null) context.exitCode = errorExitCodes[report.again.code];
        return json ? printJson(context, { type: "replay-result", ...report }) : print(context, replayText(report));
      });
    });
  return new Command("debug").description("Look into what went wrong.").addCommand(update);
}
