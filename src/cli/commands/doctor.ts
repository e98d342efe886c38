// `azr doctor`: what was looked for, what was found, and the commands that repair what is missing.

import { Command } from "commander";
import { inspect, renderReport } from "../../inspect/index.ts";
import { printJson } from "../context.ts";
import type { CliContext } from "../context.ts";
import { jsonOption } from "../options.ts";
import { slowLine } from "../slow-line.ts";

/** Exit code when something is missing: that of the environment errors. */
const missingExitCode = 3;

export function doctorCommand(context: CliContext): Command {
  return new Command("doctor")
    .description("Check Node, compiler, LibTorch, addon, executor and devices. Works when nothing is built.")
    .addOption(jsonOption())
    .addHelpText("after", "\nExits with 0 when all is well, else with 3.\n\nExample:\n  azr doctor")
    .action(async ({ json }: { json?: boolean }) => {
      using progress = slowLine(context, "checking", { json });
      const report = await inspect();
      progress.erase();
      if (json === true) await printJson(context, report);
      else context.stdout.write(renderReport(report));
      if (!report.ok) context.exitCode = missingExitCode;
    });
}
