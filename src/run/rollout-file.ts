// The files rollouts/step-NNNNNN.jsonl.gz of a run: a line that tells what they are, then a record a completion. A record without a prompt has that of the
// record before it. Files of early versions begin with their first record and name every prompt.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { promptOf, type RolloutRecord } from "../curriculum/rollout-record.ts";
import { AzrError } from "../errors.ts";

/** The first line. */
export interface RolloutHead {
  schema: 2;
  step: number;
  /** Root of the random streams of this step: the run's seed, or after a roll-back one derived from it. */
  seed: number;
}

export interface RolloutFile {
  /** Undefined in files of early versions. */
  head: RolloutHead | undefined;
  records: RolloutRecord[];
}

/** Path of the file within a run folder. */
export const rolloutPath = (dir: string, step: number): string => join(dir, "rollouts", `step-${String(step).padStart(6, "0")}.jsonl.gz`);

const samePrompt = (a: RolloutRecord, b: RolloutRecord | undefined): boolean => b !== undefined && a.id !== undefined && promptOf(a.id) === promptOf(b.id);

/** The text of a file, not compressed yet. */
export function rolloutText(about: Omit<RolloutHead, "schema">, records: readonly RolloutRecord[]): string {
  const head: RolloutHead = { schema: 2, ...about };
  const lines = records.map((record, at) => {
    if (!samePrompt(record, records[at - 1])) return record;
    const { prompt: _prompt, promptTokens: _promptTokens, ...rest } = record;
    return rest;
  });
  return [head, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
}

/**
 * Reads the file of a step; undefined when there is none.
 * @throws AzrError AZR_RUN_FOLDER when it is damaged
 */
export async function readRollouts(dir: string, step: number): Promise<RolloutFile | undefined> {
  const path = rolloutPath(dir, step);
  const packed = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw new AzrError("AZR_RUN_FOLDER", `${path} cannot be read: ${cause.message}`, { cause });
  });
  if (packed === undefined) return undefined;
  try {
    const text = (await promisify(gunzip)(packed)).toString("utf8");
    const lines = text.split("\n").filter(Boolean).map((line) => JSON.parse(line) as RolloutHead | RolloutRecord);
    const head = lines[0] !== undefined && "schema" in lines[0] ? lines[0] : undefined;
    let before: RolloutRecord | undefined;
    const records = (head === undefined ? lines : lines.slice(1)).map((line) => {
      const record = line as RolloutRecord;
      before = record.prompt === undefined ? { ...record, prompt: before!.prompt, ...(before!.promptTokens && { promptTokens: before!.promptTokens }) } : record;
      return before;
    });
    return { head, records };
  } catch (cause) {
    throw new AzrError("AZR_RUN_FOLDER", `${path} is damaged: ${(cause as Error).message}`, { hint: "Restore it, or look at another step.", cause });
  }
}
