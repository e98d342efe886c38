// How what happens in a step is named, so that events, records and files can refer to each other. Each name is a function of step, kind and place
// alone: a step that is done again after a kill names everything as before. Tasks are named by `taskId` (task-buffer.ts): proposal p-12-d-3 makes t-12-d-3.

/** The n-th proposal of a kind in a step, such as `p-12-d-3`. */
export const proposalId = (step: number, letter: string, n: number): string => `p-${step}-${letter}-${n}`;

/**
 * The answers to one task, such as `rollouts-12-d-5`: those to the prompt in this place of what one random stream sampled. The stream is `rollouts`, `attempts`,
 * `redraw-1` or `curated`.
 */
export const answersId = (stream: string, step: number, letter: string, place: number): string => `${stream}-${step}-${letter}-${place}`;

/** One of these answers, such as `rollouts-12-d-5-0`. */
export const rolloutId = (answers: string, sample: number): string => `${answers}-${sample}`;

export interface RolloutPlace {
  stream: string;
  /** Of its prompt among those of the stream, the kind and the step. */
  place: number;
  sample: number;
  /** What the answers to the same prompt have in common. */
  prompt: string;
}

/** What the id of a proposal or a rollout says; undefined for another text. */
export function readRolloutId(id: string): RolloutPlace | undefined {
  const proposal = /^p-\d+-[^-]+-(\d+)$/.exec(id);
  if (proposal !== null) return { stream: "propose", place: Number(proposal[1]), sample: 0, prompt: id };
  const rollout = /^((.+)-\d+-[^-]+-(\d+))-(\d+)$/.exec(id);
  return rollout === null ? undefined : { stream: rollout[2]!, place: Number(rollout[3]), sample: Number(rollout[4]), prompt: rollout[1]! };
}

/** A gradient step of a step, such as `u-12-0`; a step with several minibatches has several. */
export const updateId = (step: number, minibatch: number): string => `u-${step}-${minibatch}`;
