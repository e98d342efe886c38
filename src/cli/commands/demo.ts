// `azr demo`: watch the bundled model learn, ten minutes at most on two cores, and see by how much.

import { resolve } from "node:path";
import { Command, Option } from "commander";
import { demo } from "../../demo.ts";
import type { DemoOptions, DemoResult } from "../../demo.ts";
import type { RunStatus } from "../../events.ts";
import { heldOutTable, samplesLabel } from "../../eval/table.ts";
import { print, printJson, say } from "../context.ts";
import type { CliContext } from "../context.ts";
import { decimal, graceOption, jsonOption, seedOption, setOption, whole } from "../options.ts";
import { runCommand } from "../run-command.ts";

interface Options extends Pick<DemoOptions, "seed" | "steps" | "seconds" | "set" | "resume" | "heldOut" | "tasksPerKind"> {
  grace: number;
  json?: boolean;
}

export function demoCommand(context: CliContext): Command {
  return new Command("demo")
    .description("Train the bundled small model by self-play on the CPU, then measure it on held-out tasks before and after.")
    .addOption(seedOption())
    .addOption(new Option("--steps <n>", "gradient steps; by default those of the preset `demo`").argParser(whole(0)))
    .addOption(new Option("--seconds <n>", "stop self-play after this time; 0 = no limit").argParser(decimal(0)).default(600))
    .addOption(setOption())
    .addOption(new Option("--resume <run>", "go on with a demo that was stopped; its seed, steps and settings stay").conflicts(["seed", "steps", "set"]))
    .option("--held-out <file>", "measure on these tasks instead of the bundled ones")
    .addOption(new Option("--tasks-per-kind <n>", "measure on the first n tasks of each kind only").argParser(whole(1)))
    .addOption(graceOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExamples:\n  azr demo\n  azr demo --seed 1 --steps 20 --json\n  azr demo --set reward.shuffle=true      (control: rewards that mean nothing)",
    )
    .action(async ({ grace, json = false, resume, heldOut, ...options }: Options) => {
      const at = (path: string): string => resolve(context.cwd, path);
      // A run that had used up its time needs no more of it to be measured.
      const resumeWith = (dir: string, end: RunStatus | null): string[] => [
        ...(end === "paused" ? ["resume", dir, "--reviewed"] : ["demo", "--resume", dir]),
        ...(end === "out-of-time" ? ["--seconds", "1"] : []),
        ...(options.tasksPerKind === undefined || end === "paused" ? [] : ["--tasks-per-kind", String(options.tasksPerKind)]),
      ];
      await runCommand(context, { json, grace, budgetSeconds: options.seconds ?? 0, tellOpening: false, resumeWith }, async (watch) => {
        const result = await demo({
          ...options,
          ...(resume === undefined ? {} : { resume: at(resume) }),
          ...(heldOut === undefined ? {} : { heldOut: at(heldOut) }),
          ...watch,
          onProgress: (text) => (json ? undefined : say(context, text)),
        });
        if (result === null) return;
        if (json) await printJson(context, result);
        else await print(context, demoText(result));
      });
    });
}

/** The end of the demo for people: the table, three invented tasks, where the report is. */
export function demoText(result: DemoResult): string {
  const { shares, stepsPerMinute, steps, seconds, examples, report, run } = result;
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const shown = examples.map((task) =>
    [
      `${task.kind}, invented in step ${task.step}, ${percent(task.solveRate)} of answers right`,
      ...(task.asked === "program" ? [] : [indent(task.program)]),
      ...task.given.map(({ label, text }) => `  ${label}: ${text}`),
      answer("right", task.asked, task.right),
      answer("wrong", task.asked, task.wrong),
    ].join("\n"),
  );
  return [
    "",
    ...heldOutTable(result, samplesLabel(result)),
    "",
    `${steps} steps, ${Math.round(seconds)} s of self-play, ${stepsPerMinute.toFixed(1)} steps a minute; ` +
      `time in sampling ${percent(shares.sampling)}, executor ${percent(shares.executor)}, update ${percent(shares.update)} (they overlap)`,
    ...(shown.length === 0 ? [] : ["", "Tasks it invented, with its own right and wrong answers:", ...shown]),
    "",
    `run folder: ${run}`,
    `report: ${report}`,
  ].join("\n");
}

/** One line, or below its label when the text has several. */
function answer(mark: string, asked: string, text: string | null): string {
  if (text === null) return `  ${mark} ${asked}: none`;
  return text.includes("\n") ? `  ${mark} ${asked}:\n${indent(text)}` : `  ${mark} ${asked}: ${text}`;
}

function indent(text: string): string {
  return text.split("\n").map((line) => `    ${line}`).join("\n");
}
