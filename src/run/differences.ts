// What differs between the settings that a run or a checkpoint was made with and those that it is to go on with, and which of it may.
import { treeDifferences, type Tree } from "../config/tree.ts";
import { AzrError } from "../errors.ts";
import type { FolderSettings, LogName, RunForm } from "./form.ts";

export interface SettingDifference {
  /** Dotted. */
  path: string;
  there: unknown;
  here: unknown;
  /** It changes no result: a run may go on with the other value. */
  mayChange: boolean;
}

/** Every setting that differs. */
export function settingDifferences<Settings extends FolderSettings>(form: RunForm<Settings, LogName>, there: Settings, here: Settings): SettingDifference[] {
  const mayChange = form.mayChange ?? ((path: string) => path.startsWith("run."));
  return treeDifferences(there as unknown as Tree, here as unknown as Tree).map((one) => ({ ...one, mayChange: mayChange(one.path, there) }));
}

const shown = (value: unknown): string => (value === undefined ? "none" : JSON.stringify(value));
const listed = (differences: SettingDifference[]): string =>
  differences.map(({ path, there, here }) => `${path} (${shown(there)} there, ${shown(here)} here)`).join(", ");

export interface Compared<Settings> {
  there: Settings;
  here: Settings;
  /** What was made with the settings `there`. */
  of: string;
}

/** @throws AzrError AZR_CHECKPOINT_INCOMPATIBLE, with every difference, when one of them may not be. */
export function requireSameSettings<Settings extends FolderSettings>(form: RunForm<Settings, LogName>, { there, here, of }: Compared<Settings>): void {
  const differences = settingDifferences(form, there, here);
  const refused = differences.filter(({ mayChange }) => !mayChange);
  if (refused.length === 0) return;
  const steps = refused.some(({ path }) => path === "steps" || path === "epochs");
  const allowed = differences.filter(({ mayChange }) => mayChange);
  const also = allowed.length === 0 ? "" : `; these differ too, and may: ${listed(allowed)}`;
  throw new AzrError("AZR_CHECKPOINT_INCOMPATIBLE", `${of} cannot be resumed with other values of ${listed(refused)}${also}`, {
    hint: `Leave ${refused.map(({ path }) => path).join(", ")} as ${refused.length === 1 ? "it was" : "they were"}, or start a new run from this one's model (--model RUN).${steps ? " The learning rate falls towards the last step, so another number of steps would change those that were done (update.schedule)." : ""}`,
    details: { differences },
  });
}
