// Curated tasks (`curriculum.tasks`): the solver trains on tasks of files, beside those of the run's own proposers or in place of them. Which tasks a step
// takes is a function of the seed and the step alone, so there is nothing to keep for a resumed run.
import { crc32 } from "node:zlib";
import type { Config } from "../config/index.ts";
import { AzrError } from "../errors.ts";
import { createRandom } from "../random.ts";
import { redrawTasks } from "./attempt-tasks.ts";
import { type Finding, findings } from "./contradictions.ts";
import type { TaskKind } from "./kinds/kind.ts";
import { kindNamed } from "./kinds/registry.ts";
import { mapBounded } from "./bounded.ts";
import { encodePrompt } from "./sample.ts";
import type { Group, LoopContext, StepContext } from "./step-context.ts";
import { executorRequests } from "./step-propose.ts";
import { programHash } from "./kinds/shared-program.ts";
import { solve } from "./step-solve.ts";
import { readTaskFile } from "./task-file.ts";
import type { Task } from "./task.ts";

export interface Curated {
  /** In the order of the files. Their ids begin with `c:`, so that they meet none of the run's own. */
  tasks: Task[];
  kinds: TaskKind[];
  /** Tasks a step. */
  perStep: number;
  /** Of what the files hold. */
  checksum: string;
  /** Tasks whose prompt leaves the model no room for an answer. */
  tooLong: number;
}

/** How many proposals of each kind are left beside the curated tasks. */
const proposalsLeft = ({ proposals, tasks }: Config["curriculum"]): number => proposals - Math.round(proposals * tasks.share);

/** Curated tasks a step: as many as proposals were left out, or as the settings say. */
export function curatedCount({ kinds, curriculum }: Pick<Config, "kinds" | "curriculum">): number {
  const { files, perStep } = curriculum.tasks;
  if (files.length === 0) return 0;
  return perStep > 0 ? perStep : (curriculum.proposals - proposalsLeft(curriculum)) * kinds.length;
}

/** The settings that self-play goes by beside curated tasks: fewer proposals, or no kind at all where nothing is left. */
export function selfPlayPart(config: Config): Config {
  const proposals = proposalsLeft(config.curriculum);
  if (proposals === config.curriculum.proposals) return config;
  return { ...config, kinds: proposals === 0 ? [] : config.kinds, curriculum: { ...config.curriculum, proposals } };
}

/** Reads the files, whose tasks have ids of their own over all files. Throws AZR_INPUT_INVALID, and AZR_CONFIG_INVALID for a kind that does not exist. */
export async function readCurated(files: readonly string[]): Promise<Task[]> {
  const tasks = new Map<string, Task>();
  for (const path of files) {
    for (const task of await readTaskFile(path)) {
      kindNamed(task.kind);
      if (tasks.has(task.id)) throw new AzrError("AZR_INPUT_INVALID", `${path} has a task ${JSON.stringify(task.id)}, and so has a file before it`, { hint: "Give the tasks of all files of curriculum.tasks ids of their own." });
      tasks.set(task.id, { ...task, id: `c:${task.id}` });
    }
  }
  return [...tasks.values()];
}

type Opening = Pick<LoopContext, "config" | "executor" | "settings" | "format" | "codec" | "engine" | "excludedPrograms">;

/**
 * Makes the tasks of the files ready, for a run with these settings; undefined when there are none. With `check`, each is put to its kind once, with an empty answer, so
 * that one which lacks something is told before the first step.
 * @throws AzrError AZR_INPUT_INVALID, AZR_CONFIG_INVALID, AZR_EXECUTOR_FAILED
 */
export async function openCurated(run: Opening, { check }: { check: boolean }): Promise<Curated | undefined> {
  const { config, executor, settings, format, codec, engine, excludedPrograms } = run;
  const perStep = curatedCount(config);
  if (perStep === 0) return undefined;
  const all = await readCurated(config.curriculum.tasks.files);
  const room = engine.shape.maxPositions - config.generation.maxTokens.solve;
  const tasks = all.filter((task) => encodePrompt(codec, kindNamed(task.kind).buildSolutionPrompt(task, format)).tokens.length <= room);
  if (tasks.length === 0) throw new AzrError("AZR_INPUT_INVALID", "No curated task leaves the model room for an answer", { hint: "Lower generation.maxTokens.solve, or take a model that reads more." });
  await mapBounded(tasks, executorRequests, async (task) => {
    if (excludedPrograms.size > 0) {
      const { ok, normalised } = await executor.analyse(task.program);
      if (ok && excludedPrograms.has(programHash(normalised))) {
        throw new AzrError("AZR_INPUT_INVALID", `The curated task ${task.id.slice(2)} has a program of the held-out tasks`, { hint: "Remove it from the files of curriculum.tasks: what is measured on must not be trained on." });
      }
    }
    if (!check) return;
    const { verdict, detail } = await kindNamed(task.kind).verify(task, "", { executor, settings });
    if (verdict === "undecided") throw new AzrError("AZR_EXECUTOR_FAILED", `The curated task ${task.id.slice(2)} cannot be judged: ${detail}`, { hint: "Run `npx azr doctor`." });
  });
  const kinds = [...new Set(tasks.map(({ kind }) => kind))].map(kindNamed);
  const checksum = `${all.length}-${crc32(JSON.stringify(all)).toString(16)}`;
  return { tasks, kinds, perStep, checksum, tooLong: all.length - tasks.length };
}

/**
 * The tasks of a step: every task once an epoch, in an order that is another in each epoch. A step may go on into the next epoch, and then meet a task twice.
 */
export function curatedBatch({ tasks, perStep }: Pick<Curated, "tasks" | "perStep">, { seed, curriculum }: Pick<Config, "seed" | "curriculum">, step: number): Task[] {
  const orders = new Map<number, Task[]>();
  const orderOf = (epoch: number): Task[] => {
    const known = orders.get(epoch) ?? (curriculum.tasks.shuffle ? createRandom(seed, "curated", epoch).shuffle(tasks) : tasks);
    orders.set(epoch, known);
    return known;
  };
  return Array.from({ length: perStep }, (_, index) => {
    const at = (step - 1) * perStep + index;
    return orderOf(Math.floor(at / tasks.length))[at % tasks.length]!;
  });
}

/** What came of the curated tasks of one kind. */
export interface CuratedResult {
  group: Group;
  found: Finding[];
  tasks: Task[];
}

/** Has the solver answer the step's curated tasks, one result a kind: n answers each where rollouts are trained on, else one. The requests are made before it returns. */
export function solveCurated(context: StepContext): Promise<CuratedResult>[] {
  const { curated, config, step } = context;
  if (curated === undefined) return [];
  const batch = curatedBatch(curated, config, step);
  const { n, reuse } = config.curriculum.rollouts;
  return curated.kinds.map(async (kind): Promise<CuratedResult> => {
    const tasks = batch.filter((task) => task.kind === kind.name).map((task) => ({ task, prompt: encodePrompt(context.codec, kind.buildSolutionPrompt(task, context.format)) }));
    const answers = await solve(context, { kind, tasks, samples: reuse ? n : 1, purpose: "curated", source: "curated" });
    const ofKind = curated.tasks.filter((task) => task.kind === kind.name);
    const more = reuse ? await redrawTasks(context, kind, tasks, answers, { source: "curated", sample: (count, random) => random.sample(ofKind, count) }) : [];
    const sequences = [...answers, ...more].flat();
    const all = [...new Set(sequences.flatMap(({ task }) => task ?? []))];
    return { group: { role: "solve", kind, source: "curated", sequences }, found: findings([], sequences), tasks: all };
  });
}
