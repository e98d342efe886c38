// `azr audit`: what oversight found in a run, and whether its log is the one that the run wrote.

import { resolve } from "node:path";
import { Command, Option } from "commander";
import { auditRun } from "../../audit-run.ts";
import type { AuditReport } from "../../audit-run.ts";
import { errorExitCodes } from "../../errors.ts";
import { print, printJson, say } from "../context.ts";
import type { CliContext } from "../context.ts";
import { jsonOption } from "../options.ts";
import { visible } from "../../sinks/visible.ts";

export function auditCommand(context: CliContext): Command {
  return new Command("audit")
    .description("Check the audit log of a run and show what oversight found. Exit code 5: the log is not the one that the run wrote.")
    .argument("<run>", "the run's folder")
    .addOption(new Option("--head <hash>", "hash of a line that the log must have, kept from an earlier audit"))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr audit runs/demo-seed0")
    .action(async (path: string, { head, json }: { head?: string; json?: boolean }) => {
      const report = await auditRun(resolve(context.cwd, path), head === undefined ? {} : { head });
      if (json === true) await printJson(context, report);
      else await print(context, reportText(report));
      if (report.fault === null) return;
      if (json !== true) say(context, `AZR_AUDIT_CORRUPT: line ${report.fault.line}: ${report.fault.what}`);
      context.exitCode = errorExitCodes.AZR_AUDIT_CORRUPT;
    });
}

type Line = AuditReport["lines"][number];

/** What a line tells, for people. */
function lineText(line: Line): string {
  const { type, rule, action, message } = line;
  if (type === "finding") return `${String(rule)} (${String(action)}): ${visible(String(message))}`;
  const about: Record<string, (line: Line) => string> = {
    begin: () => "the run begins",
    pause: () => "paused for a review",
    reviewed: () => "somebody said that it was reviewed",
    "roll-back": ({ number }) => `went back to this step, for the ${String(number)}. time`,
    "settings-changed": ({ changes }) => `settings changed: ${(changes as { path: string }[]).map((change) => change.path).join(", ")}`,
    probes: ({ metrics }) => `probes: ${Object.entries(metrics as Record<string, number>).map(([name, value]) => `${name.replace("probe/", "")} ${value.toFixed(2)}`).join(", ")}`,
  };
  return about[type]?.(line) ?? type;
}

function reportText({ lines, fault, head, findings, reviewNeeded }: AuditReport): string {
  const rules = Object.entries(findings).map(([rule, count]) => `${count} ${rule}`);
  return [
    ...lines.map((line) => `step ${line.step}  ${lineText(line)}`),
    fault === null ? `${head.lines} lines, a whole chain` : `${head.lines} good lines, then a bad one`,
    `findings: ${rules.length === 0 ? "none" : rules.join(", ")}`,
    ...(reviewNeeded ? ["the run waits for a review: azr resume RUN --reviewed"] : []),
    `head: ${head.hash}`,
  ].join("\n");
}
