// What a failed gradient step leaves in the run folder, `failures/step-000012/`: the request (arrays in request.safetensors, all else in
// failure.json) and the weights (or adapters) and moments that it met. src/replay-update.ts reads it back and does the step again.
import { readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Engine, LoraSettings, UpdateRequest } from "../engine/engine.ts";
import { createSafetensorsHeader, readSafetensorsHeader } from "../engine/safetensors.ts";
import { AzrError, type AzrErrorCode } from "../errors.ts";
import { checkpointName } from "./checkpoint.ts";
import { joinRequest, partRequest, type RequestArray } from "./request-arrays.ts";
import { saveState } from "./save-trained.ts";

export interface FailedUpdate {
  step: number;
  /** The model that the run began with: its shape is that of the weights. */
  model: string;
  /** The checkpoint that this sitting last wrote or began from. */
  checkpoint: string | null;
  code: AzrErrorCode;
  message: string;
  request: UpdateRequest;
}

/** Writes the folder, beside its place first, and answers where it is. */
export async function writeFailedUpdate(dir: string, engine: Engine, { request, ...about }: FailedUpdate): Promise<string> {
  const folder = join(dir, "failures", checkpointName(about.step));
  const temporary = `${folder}.${process.pid}.tmp`;
  await mkdir(temporary, { recursive: true });
  try {
    const { arrays, rest } = partRequest(request);
    const header = createSafetensorsHeader(arrays.map(([name, values]) => ({ name, dtype: values instanceof Int32Array ? "I32" : "F32", shape: [values.length] })));
    const bytes = (values: RequestArray) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    await writeFile(join(temporary, "request.safetensors"), Buffer.concat([header, ...arrays.map(([, values]) => bytes(values))]));
    const { weights, threads, lora } = engine.stats();
    await writeFile(join(temporary, "failure.json"), `${JSON.stringify({ schema: 1, ...about, engine: { weights, threads, ...(lora && { lora }) }, request: rest }, null, 2)}\n`);
    await saveState(engine, temporary);
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

export interface ReadFailure extends FailedUpdate {
  engine: { weights: "f32" | "bf16"; threads: number; lora?: LoraSettings };
}

/** @throws AzrError AZR_INPUT_INVALID when the folder is no failed update; AZR_MODEL_FORMAT when its arrays are damaged */
export async function readFailedUpdate(folder: string): Promise<ReadFailure> {
  let about: Omit<ReadFailure, "request"> & { schema: number; request: Record<string, unknown> };
  try {
    about = JSON.parse(await readFile(join(folder, "failure.json"), "utf8")) as typeof about;
    if (about.schema !== 1) throw new Error(`its format is ${about.schema}; this version reads 1`);
  } catch (cause) {
    throw new AzrError("AZR_INPUT_INVALID", `${folder} holds no failed update: ${(cause as Error).message}`, {
      hint: "Give a folder below `failures` of a run, for example runs/demo-seed0/failures/step-000012.",
      cause,
    });
  }
  const path = join(folder, "request.safetensors");
  const { tensors } = readSafetensorsHeader(path);
  const file = readFileSync(path);
  const arrays = tensors.map(({ name, dtype, begin, end }): [string, RequestArray] => {
    const copy = new Uint8Array(file.subarray(begin, end)).buffer;
    return [name, dtype === "I32" ? new Int32Array(copy) : new Float32Array(copy)];
  });
  const { schema: _schema, ...rest } = about;
  return { ...rest, request: joinRequest({ arrays, rest: about.request }) };
}
