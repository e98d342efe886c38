// Writes report.html into a run folder: read-run.ts gathers, page.ts draws.

import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AzrError } from "../errors.ts";
import { renderReport } from "./page.ts";
import { readRun } from "./read-run.ts";

/** Writes the report of a run, whole or not at all, and answers its path. Throws AZR_RUN_FOLDER. */
export async function writeReport(runFolder: string): Promise<string> {
  const html = renderReport(await readRun(runFolder));
  const path = join(runFolder, "report.html");
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, html);
    await rename(temporary, path);
  } catch (cause) {
    throw new AzrError("AZR_RUN_FOLDER", `The report could not be written to ${path}.`, { hint: "Check free space and permissions of the run folder.", cause });
  }
  return path;
}
