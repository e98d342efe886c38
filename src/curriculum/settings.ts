// Settings that the task kinds take: limits of a run, what a proposal must satisfy, the shape of induction tasks. Each has a
// default and a description. The loop fills them from the configuration (src/config); verification and evaluation use
// the defaults. All other settings of a run are in src/config.

import * as z from "zod";
import { AzrError } from "../errors.ts";

/**
 * Modules whose import gets a proposal rejected: they bring in chance, clocks, the system or other processes. docs/executor.md says which
 * are the paper's.
 */
export const defaultBannedModules = [
  "logging", "random", "secrets", "uuid", "time", "datetime", "calendar", "hashlib", "hmac", "bcrypt",
  "os", "sys", "shutil", "pathlib", "tempfile", "io", "socket", "ssl", "http", "urllib", "signal",
  "multiprocessing", "threading", "subprocess", "concurrent", "asyncio", "pebble",
  "ctypes", "importlib", "inspect", "gc", "builtins", "pickle", "marshal",
];

/** Builtins whose use gets a proposal rejected: the one that the reference code refuses by its text. */
export const defaultBannedNames = ["input"];

/** Limits of one run in the executor. */
export const limitsSchema = z
  .strictObject({
    cpuMs: z.int().min(10).default(1000).meta({ description: "Processor milliseconds of one run." }),
    wallMs: z.int().min(10).default(3000).meta({ description: "Wall-clock milliseconds of one run." }),
    memoryBytes: z.int().min(1 << 20).default(256 << 20).meta({ description: "Bytes a run may allocate beyond the warm interpreter." }),
    outputBytes: z.int().min(64).default(64 << 10).meta({ description: "Most bytes of a result's canonical text." }),
    sourceBytes: z.int().min(64).default(64 << 10).meta({ description: "Most bytes of a program's source." }),
  })
  .meta({ description: "Limits of one run in the executor." });

export const inductionSchema = z
  .strictObject({
    inputs: z.int().min(2).default(6).meta({ description: "Inputs that an induction proposal writes." }),
    shown: z.int().min(1).default(3).meta({ description: "Pairs that the solver sees; the others stay hidden." }),
    distinct: z.boolean().default(true).meta({ description: "Reject proposals two of whose inputs are equal values, however they are written." }),
    check: z.enum(["hidden", "all"]).default("hidden").meta({ description: "Pairs that an answer must reproduce." }),
  })
  .refine((value) => value.shown < value.inputs, { message: "must be smaller than inputs", path: ["shown"] })
  .meta({ description: "The shape of induction tasks." });

export const validationSchema = z
  .strictObject({
    headroom: z
      .number()
      .gt(0)
      .max(1)
      .default(0.25)
      .meta({ description: "Share of each limit but the wall clock's that a proposal may use, so that load on the machine cannot change later verdicts." }),
    bannedModules: z.array(z.string()).default(defaultBannedModules).meta({ description: "Modules that a proposal must not import." }),
    bannedNames: z
      .array(z.string().regex(/^[A-Za-z_]\w*$/, { error: "must be one name, such as eval or __globals__" }))
      .default(defaultBannedNames)
      .meta({ description: "Builtins, and names with two underscores at both ends, that a proposal must not use." }),
    bannedWords: z.array(z.string()).default([]).meta({ description: "Words that must not stand anywhere in a proposal's source, comments included." }),
    rejectSeveralFunctions: z.boolean().default(false).meta({ description: "Reject programs with more than one def, nested ones and methods counted." }),
    maxProgramCharacters: z.int().min(1).default(8000).meta({ description: "Longest program of a proposal." }),
    maxInputCharacters: z.int().min(1).default(2000).meta({ description: "Longest argument text of a proposal." }),
    maxOutputCharacters: z.int().min(1).default(2000).meta({ description: "Longest value text that a proposal's program may return." }),
    maxMessageCharacters: z.int().min(1).default(4000).meta({ description: "Longest message of an induction proposal." }),
  })
  .meta({ description: "What a proposal must satisfy beyond running and being deterministic." });

export const errorSchema = z
  .strictObject({
    noError: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .meta({ description: "Largest share of a step's new tasks of error prediction on which nothing is raised; one a step may always be such a task." }),
    bannedWords: z
      .array(z.string())
      .default(["raise"])
      .meta({ description: "Words that must not stand in a program whose error is to be predicted, beside validation.bannedWords." }),
  })
  .meta({ description: "Tasks of error prediction (the kind `error`)." });

export const compositeSchema = z
  .strictObject({
    probability: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .meta({ description: "Chance that a proposal of a new program is given functions of past tasks, which it has to call; 0 = off (arXiv 2505.03335, appendix D.2, tried 0.5)." }),
    helpers: z.int().min(1).max(16).default(3).meta({ description: "Most functions that one proposal is given; each number from 1 on is as likely." }),
  })
  .meta({ description: "Composite proposals (docs/task-kinds.md)." });

/** What proposals and answers are judged by. */
export const curriculumSettingsSchema = z
  .strictObject({
    induction: inductionSchema.prefault({}),
    validation: validationSchema.prefault({}),
    error: errorSchema.prefault({}),
    limits: limitsSchema.prefault({}),
  })
  .meta({ description: "How proposals and answers are judged." });

export type CurriculumSettings = z.output<typeof curriculumSettingsSchema>;

/** Complete settings from any part of them. Throws AZR_CONFIG_INVALID, naming what is wrong. */
export function curriculumSettings(part: z.input<typeof curriculumSettingsSchema> = {}): CurriculumSettings {
  const parsed = curriculumSettingsSchema.safeParse(part);
  if (!parsed.success) throw new AzrError("AZR_CONFIG_INVALID", `The task settings are not valid.\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
