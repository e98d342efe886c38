// Going on with a run whose settings may have been given anew: its folder opened, the settings compared, and the new ones written. train.ts and
// sft.ts resume by it.
import { AzrError } from "../errors.ts";
import type { Disk } from "./disk.ts";
import { requireSameSettings } from "./differences.ts";
import { openRunFolder, type OpenedRun, rewriteRunConfig } from "./folder.ts";
import type { FolderSettings, LogName, RunForm } from "./form.ts";

export interface ReopenOptions<Settings, State> {
  disk?: Disk | undefined;
  /** Name of the checkpoint to go on from; the latest where there is none. */
  checkpoint?: string | undefined;
  /** The settings to go on with, from those of the folder; absent: the same. */
  settings?: ((there: Settings) => Settings) | undefined;
  /** Throws for a checkpoint that the run may not go on from. */
  checkState?(state: State): void;
  /** Throws for settings that differ in what no single one of them tells. */
  check?(there: Settings, here: Settings): void;
}

/** @throws AzrError what `openRunFolder` throws, and AZR_CHECKPOINT_INCOMPATIBLE for settings that may not change; the folder is closed then */
export async function reopenRun<State, Settings extends FolderSettings, Name extends LogName>(
  form: RunForm<Settings, Name>,
  dir: string,
  { disk, checkpoint, settings, check, checkState }: ReopenOptions<Settings, State>,
): Promise<OpenedRun<State, Settings, Name>> {
  if (typeof dir !== "string" || dir === "") throw new AzrError("AZR_INPUT_INVALID", "Expected the folder of a run.", { hint: "For example runs/demo-seed0." });
  const opened = await openRunFolder<State, Settings, Name>(form, dir, { disk, checkpoint });
  try {
    if (opened.checkpoint !== undefined) checkState?.(opened.checkpoint.state);
    if (settings === undefined) return opened;
    const config = settings(opened.config);
    requireSameSettings(form, { there: opened.config, here: config, of: `The run ${dir}` });
    check?.(opened.config, config);
    await rewriteRunConfig(form, opened.folder.dir, config, disk);
    return { ...opened, config };
  } catch (error) {
    await opened.folder.close();
    throw error;
  }
}
