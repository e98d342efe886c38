// Checks what callers hand to the executor, so that a mistake in it is a sentence and not a crash further down. Used by open.ts.
import * as z from "zod";
import { AzrError } from "../errors.ts";
import type { MeasuredProgram, ParseRequest, RunRequest } from "./executor.ts";
import { layerNames } from "./layers.ts";

const signal = z.instanceof(AbortSignal).optional();
// What limits may be is decided where they are merged (limits.ts).
const limit = z.number().optional();
const limits = z.strictObject({ cpuMs: limit, wallMs: limit, memoryBytes: limit, outputBytes: limit, sourceBytes: limit }).optional();
const runRequest = z.strictObject({
  program: z.string(),
  inputs: z.array(z.string()),
  determinism: z.enum(["once", "pair", "full"]).optional(),
  isolation: z.enum(["input", "program"]).optional(),
  expected: z.array(z.string()).optional(),
  errors: z.boolean().optional(),
  limits,
  variantLimits: limits,
  signal,
})
  .refine(({ inputs, expected }) => expected === undefined || expected.length === inputs.length, { message: "expected has one value an input", path: ["expected"] })
  .refine(({ expected, errors }) => expected === undefined || errors !== true, { message: "not together with expected: an exception is no value", path: ["errors"] });
const parseRequest = z.strictObject({ text: z.string(), arguments: z.boolean().optional(), signal });
const program = z.string();
const measuredPrograms = z.array(z.strictObject({ program: z.string(), references: z.array(z.string()) }));
const executorOptions = z.strictObject({
  python: z.string().optional(),
  allowUntestedPython: z.boolean().optional(),
  require: z.array(z.enum(layerNames)).optional(),
  workers: z.int().min(1).max(256).optional(),
  limits,
  folder: z.string().optional(),
});
/** Faults that are listed in one error. */
const mostFaults = 10;

function check<T>(what: string, schema: z.ZodType<unknown>, value: T): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return value;
  const faults = z.prettifyError(new z.ZodError(parsed.error.issues.slice(0, mostFaults)));
  throw new AzrError("AZR_INPUT_INVALID", `The ${what} is not valid.\n${faults}`, { hint: "See the Executor interface in absolute-zero's types." });
}

/** The request. Throws AZR_INPUT_INVALID, naming each field that is wrong. */
export const checkRunRequest = (request: RunRequest): RunRequest => check("request to run a program", runRequest, request);
/** The request. Throws AZR_INPUT_INVALID, naming each field that is wrong. */
export const checkParseRequest = (request: ParseRequest): ParseRequest => check("request to parse a literal", parseRequest, request);
/** The options. Throws AZR_INPUT_INVALID, naming each field that is wrong. */
export const checkExecutorOptions = <T>(options: T): T => check("executor's options", executorOptions, options);
/** The program. Throws AZR_INPUT_INVALID unless it is a text. */
export const checkProgramText = (text: string): string => check("program to analyse", program, text);
/** The programs. Throws AZR_INPUT_INVALID, naming each that is wrong. */
export const checkMeasuredPrograms = (programs: readonly MeasuredProgram[]): readonly MeasuredProgram[] => check("programs to measure", measuredPrograms, programs);
