// How `azr train` and `azr resume` end: the report is drawn, and stdout gets the run folder, or with --json one last object.

import { writeReport } from "../report/write-report.ts";
import type { Run } from "../train.ts";
import { print, printJson, say } from "./context.ts";
import type { CliContext } from "./context.ts";

/** Waits for the run, then writes its report and prints its result. */
export async function tellResult(context: CliContext, run: Run, json: boolean): Promise<void> {
  const { status, step, dir, checkpoint } = await run.result;
  const report = await writeReport(dir);
  if (json) return printJson(context, { type: "run-result", status, step, run: dir, checkpoint: checkpoint ?? null, report });
  say(context, `report: ${report}`);
  return print(context, dir);
}
