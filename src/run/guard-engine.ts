// What stands between a run and numbers that went wrong: a sampler and a trainer that disagree are refused before a gradient is taken, and
// an update that fails leaves its inputs and the weights behind (failure-folder.ts), with the command that does it again.
import type { Engine, GenerateResult, UpdateRequest } from "../engine/engine.ts";
import { AzrError } from "../errors.ts";
import { type FailedUpdate, writeFailedUpdate } from "./failure-folder.ts";
import { countNotFinite, reportArrays } from "./request-arrays.ts";

export interface GuardOptions {
  /** The run folder. */
  dir: string;
  /** `update.maxGap` of the settings. */
  maxGap: number;
  /** What a saved update tells of its run. */
  about(): Pick<FailedUpdate, "step" | "model" | "checkpoint">;
}

/** Codes of failures that a saved update can show again. */
const replayable = new Set(["AZR_NUMERICS", "AZR_PARITY"]);

/** The arrays of an update that hold a value which is not finite, before the engine sees them. */
const badInputs = (request: UpdateRequest): string[] => reportArrays(request).flatMap(({ name, notFinite }) => (notFinite > 0 ? [name] : []));

/** The engine, watched. Disposing of it is its owner's business. */
export function guardedEngine(engine: Engine, { dir, maxGap, about }: GuardOptions): Engine {
  // The weights are those that sampled until the first gradient step after; from then on a gap is no fault.
  let fresh = true;
  let parity = true;

  function watch(result: GenerateResult): GenerateResult {
    if (!fresh) parity = true;
    fresh = true;
    parity &&= result.parity;
    if (countNotFinite(result.logProbabilities) > 0) {
      throw new AzrError("AZR_NUMERICS", "The model gives probabilities that are not finite", { hint: weightsHint(dir) });
    }
    return result;
  }

  async function update(request: UpdateRequest) {
    // A level of 0 means agreement to the bit, which only some ways of sampling promise; and log-probabilities that `score` computed again, as those of
    // completions by older weights are, round otherwise.
    const exact = parity && request.importance === undefined;
    const checked = fresh && request.loss === "policy" && (maxGap > 0 || exact) ? { maxGap, ...request } : request;
    try {
      const bad = badInputs(request);
      if (bad.length > 0) throw new AzrError("AZR_NUMERICS", `The update was given values that are not finite in ${bad.join(", ")}; the weights were left as they were`);
      const result = await engine.update(checked);
      fresh = false;
      return result;
    } catch (error) {
      if (!AzrError.isInstance(error) || !replayable.has(error.code)) throw error;
      throw await kept(error, checked);
    }
  }

  async function kept(error: AzrError, { signal: _signal, ...request }: UpdateRequest): Promise<AzrError> {
    const { code, message } = error;
    try {
      const folder = await writeFailedUpdate(dir, engine, { ...about(), code, message, request });
      const around = code === "AZR_NUMERICS" ? [`Or go back, and on with other random choices: azr resume ${dir} --set run.rollBack=1`] : [];
      return new AzrError(code, message, {
        hint: [...(error.hint === undefined ? [] : [error.hint]), `Its inputs and the weights were kept; do it again, alone: azr debug update ${folder}`, ...around].join("\n"),
        details: { ...error.details, folder },
        cause: error,
      });
    } catch (cause) {
      // The failure itself is what has to be told.
      return new AzrError(code, `${message} (its inputs could not be kept: ${(cause as Error).message})`, { ...(error.hint && { hint: error.hint }), cause: error });
    }
  }

  return {
    ...engine,
    async generate(request) {
      try {
        return watch(await engine.generate(request));
      } catch (error) {
        if (!AzrError.isInstance(error) || error.code !== "AZR_NUMERICS") throw error;
        throw new AzrError(error.code, error.message, { hint: weightsHint(dir), cause: error });
      }
    },
    update,
  };
}

const weightsHint = (dir: string): string =>
  `The weights are no longer sound: go on from an earlier checkpoint, with other random choices after it: azr resume ${dir} --set run.rollBack=1`;
