// What a failing classifier does to a run, as `oversight.classifier.onFailure` says: the step goes on without its scores, with a warning, or the run ends.
import { AzrError } from "../errors.ts";

export const classifierFailed = (why: string, cause?: unknown): AzrError =>
  new AzrError("AZR_OVERSIGHT", `The classifier failed: ${why}`, {
    hint: "Start it again and go on by `azr resume`, or let the run go on without it: --set oversight.classifier.onFailure=skip",
    ...(cause === undefined ? {} : { cause }),
  });
