// The checkpoints of one sitting: written when the session says so and when somebody asks through the run (`Run.checkpoint()`). Where the run stands is
// the session's to tell; what an engine is written as is save-trained.ts's.
import type { Engine } from "../engine/engine.ts";
import type { CheckpointState } from "./checkpoint.ts";
import { saveState } from "./save-trained.ts";
import type { Stage } from "./start-run.ts";

export interface KeepOptions<State> extends Pick<Stage, "publisher" | "control"> {
  folder: { checkpoint(state: CheckpointState<State>, write: (to: string) => Promise<void>): Promise<string> };
  engine: Engine;
  /** Path of the checkpoint that the sitting began from. */
  first: string | undefined;
  /** Where the run can go on from, once all that belongs to it is in its files. */
  boundary(): Promise<CheckpointState<State>>;
}

export interface Checkpoints {
  /** Path of the newest. */
  readonly latest: string | undefined;
  /** Writes one, tells of it, and resolves with its path. */
  save(): Promise<string>;
  /** Writes those that are asked for. */
  serve(): Promise<void>;
}

export function keepCheckpoints<State>({ folder, engine, first, boundary, publisher, control }: KeepOptions<State>): Checkpoints {
  let latest = first;
  async function save(): Promise<string> {
    latest = await folder.checkpoint(await boundary(), (to) => saveState(engine, to));
    publisher.publish({ type: "checkpoint-end", path: latest });
    return latest;
  }
  return {
    get latest() {
      return latest;
    },
    save,
    async serve() {
      for (const request of control.checkpoints.splice(0)) await save().then(request.resolve, request.reject);
    },
  };
}
