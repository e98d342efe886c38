// A run that oversight paused goes on only when somebody says that it was looked at.
import { AzrError } from "../errors.ts";
import type { OversightState } from "./oversee.ts";

/** Throws AZR_REVIEW_NEEDED for a run whose checkpoint waits for a review that nobody has made. */
export function requireReview(dir: string, oversight: OversightState | undefined, reviewed: boolean): void {
  const review = oversight?.review;
  if (review === undefined || reviewed) return;
  throw new AzrError("AZR_REVIEW_NEEDED", `The run ${dir} was paused after step ${review.step}: ${review.findings.map(({ rule, message }) => `${rule}: ${message}`).join("; ")}`, {
    hint: `Look at what was found: azr audit ${dir}\nThen go on: azr resume ${dir} --reviewed`,
    details: { step: review.step, findings: review.findings },
  });
}
