// The Task record as a zod schema: reads task lines of files (seeds, held-out tasks, `azr verify`). Unknown fields are errors.

import * as z from "zod";
import type { Task } from "./task.ts";

const pairSchema = z.strictObject({ input: z.string(), output: z.string() });

const originSchema = z.strictObject({
  step: z.int().min(0),
  parents: z.array(z.string()),
  seed: z.literal(true).optional(),
  python: z.string().min(1).optional(),
});

/** One task. A line without an origin counts as written by hand: step 0, no parents. */
export const taskSchema: z.ZodType<Task> = z
  .strictObject({
    id: z.string().min(1),
    kind: z.string().min(1),
    program: z.string(),
    input: z.string().optional(),
    output: z.string().optional(),
    error: z.string().optional(),
    pairs: z.array(pairSchema).optional(),
    shown: z.int().min(0).optional(),
    message: z.string().optional(),
    origin: originSchema.default({ step: 0, parents: [] }),
  });
