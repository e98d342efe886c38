// `azr compare`: two evaluations of the same tasks, paired by task.

import { resolve } from "node:path";
import { Command } from "commander";
import { compareFiles } from "../../eval/compare-files.ts";
import { heldOutTable, samplesLabel } from "../../eval/table.ts";
import { print, printJson } from "../context.ts";
import type { CliContext } from "../context.ts";
import { jsonOption } from "../options.ts";

export function compareCommand(context: CliContext): Command {
  return new Command("compare")
    .description("Compare two evaluations of the same tasks that `azr eval --out` or the demo wrote: differences, intervals and p-values, paired by task.")
    .argument("<before>", "file of outcomes")
    .argument("<after>", "file of outcomes of the same tasks")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr compare runs/frozen/held-out-after.jsonl runs/demo-seed0/held-out-after.jsonl")
    .action(async (before: string, after: string, { json }: { json?: boolean }) => {
      for (const comparison of await compareFiles(resolve(context.cwd, before), resolve(context.cwd, after))) {
        if (json === true) {
          await printJson(context, { type: "comparison", ...comparison });
          continue;
        }
        const { suite, before: first, after: second } = comparison;
        await print(context, [`${suite}: ${second.model} after, ${first.model} before`, ...heldOutTable(comparison, samplesLabel(first, second))].join("\n"));
      }
    });
}
