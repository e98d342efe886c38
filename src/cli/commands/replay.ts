// `azr replay`: does a finished step of a run once more from its records and says whether the numbers are the same.

import { resolve } from "node:path";
import { Command, Option } from "commander";
import { errorExitCodes } from "../../errors.ts";
import { alignedTable } from "../../eval/table.ts";
import { replayStep, type ReplayedUpdate, type StepReplay } from "../../replay-step.ts";
import { print, printJson } from "../context.ts";
import type { CliContext } from "../context.ts";
import { jsonOption, threadsOption, whole } from "../options.ts";
import { stoppable } from "../stop.ts";

const word = (equal: boolean): string => (equal ? "equal" : "different");

function updateTable(updates: ReplayedUpdate[]): string[] {
  const shown = (value: number | null): string => (value === null ? "none" : String(value));
  const rows = updates.flatMap(({ id, figures }) => figures.map(({ name, recorded, replayed, equal }) => [`${id} ${name}`, shown(recorded), shown(replayed), word(equal)]));
  return rows.length === 0 ? ["no gradient step was taken: nothing was to be learnt"] : alignedTable([["update", "recorded", "now", ""], ...rows]);
}

/** The report as lines of text. */
function replayText({ step, mode, from, updates, samples, equal }: StepReplay): string {
  const own = updates.filter(({ id }) => id.startsWith(`u-${step}-`));
  const before = updates.filter((update) => !own.includes(update));
  const wrong = before.filter((update) => !update.equal);
  return [
    `step ${step}: its ${mode === "update" ? "update from its recorded rollouts" : "rollouts from its recorded prompts"}, going on from ${from ?? "the first model"}`,
    ...(before.length > 0 ? [`gradient steps on the way: ${before.length}, ${before.length - wrong.length} of them equal`] : []),
    ...(wrong.length > 0 ? updateTable(wrong.slice(0, 1)) : []),
    ...(mode === "update" ? updateTable(own) : alignedTable([["sampled", "completions", "same", ""], ...samples.map((one) => [`${one.role} ${one.kind} ${one.stream}`, String(one.completions), String(one.same), word(one.equal)])])),
    ...samples.flatMap(({ first }) => (first === null ? [] : [`${first.id} was ${JSON.stringify(first.recorded)}`, `${first.id} is  ${JSON.stringify(first.replayed)}`])),
    equal ? "all equal, to the bit" : "not equal",
  ].join("\n");
}

export function replayCommand(context: CliContext): Command {
  return new Command("replay")
    .description("Do a finished step of a run once more from its records: are the numbers the same, to the bit?")
    .argument("<run>", "the run's folder")
    .addOption(new Option("--step <n>", "the step").argParser(whole(1)).makeOptionMandatory())
    .option("--sample", "sample the step's completions again, in place of doing its update again")
    .addOption(threadsOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr replay runs/demo-seed0 --step 12")
    .action(async (run: string, { step, sample = false, threads, json = false }: { step: number; sample?: boolean; threads?: number; json?: boolean }) => {
      await stoppable(context, json, async (signal) => {
        const report = await replayStep(resolve(context.cwd, run), { step, sample, signal, ...(threads === undefined ? {} : { threads }) });
        if (!report.equal) context.exitCode = errorExitCodes.AZR_PARITY;
        return json ? printJson(context, { type: "step-replay-result", ...report }) : print(context, replayText(report));
      });
    });
}
