// What a gradient step takes from the settings, whatever is trained: self-play (update-batch.ts) and supervised warm-up (src/sft) ask here.
import type { ParameterGroup, UpdateRequest } from "../engine/engine.ts";
import { learningRateAt, type LearningRateSchedule } from "./learning-rate.ts";

/** The part of the `update` settings that every kind of training has. */
export interface GradientStepSettings extends LearningRateSchedule {
  betas: [number, number];
  epsilon: number;
  weightDecay: number;
  clipNorm: number;
  groups: { [Key in keyof ParameterGroup]: ParameterGroup[Key] | undefined }[];
  /** 0 = the engine's choice. */
  microBatchTokens: number;
  checkpointActivations: boolean;
}

/** Of step `step` of `steps`, both counted from 1. */
export function gradientStep(settings: GradientStepSettings, step: number, steps: number): Pick<UpdateRequest, "optimizer" | "microBatchTokens" | "checkpointActivations"> {
  const { betas, epsilon, weightDecay, clipNorm, groups, microBatchTokens, checkpointActivations } = settings;
  const learningRate = learningRateAt(settings, step, steps);
  return {
    optimizer: { learningRate, beta1: betas[0], beta2: betas[1], epsilon, weightDecay, clipNorm, ...(groups.length > 0 ? { groups: groups as ParameterGroup[] } : {}) },
    ...(microBatchTokens === 0 ? {} : { microBatchTokens }),
    ...(checkpointActivations ? { checkpointActivations } : {}),
  };
}
