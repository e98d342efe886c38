// The post-processor of a tokenizer.json: which tokens a text begins with (a begin token, for some families). Used by tokenizer.ts.
import { tokenizerFault } from "./tokenizer-fault.ts";
import { listOf, stepOf, unsupported } from "./tokenizer-step.ts";
import type { Step } from "./tokenizer-step.ts";

interface TemplateItem {
  SpecialToken?: { id: string };
  Sequence?: unknown;
}

function idsBefore(step: Step, path: string): number[] {
  const known = (step["special_tokens"] ?? {}) as Record<string, { ids?: unknown } | undefined>;
  const before: number[] = [];
  for (const item of listOf(step["single"], "post_processor", path) as Array<TemplateItem | null>) {
    if (item?.Sequence !== undefined) break;
    const name = item?.SpecialToken?.id ?? "";
    const ids = Object.hasOwn(known, name) ? known[name]?.ids : undefined;
    if (!Array.isArray(ids) || ids.some((id) => !Number.isInteger(id) || id < 0)) throw tokenizerFault(`The post_processor of ${path} names a token without ids: ${JSON.stringify(name)}.`);
    before.push(...(ids as number[]));
  }
  return before;
}

/** Ids that the file puts before a text. Tokens for its end are left out: prompts are there to be continued. Throws AZR_TOKENIZER_FORMAT. */
export function parseFrame(value: unknown, path: string): number[] {
  if (value === undefined || value === null) return [];
  const step = stepOf(value, "post_processor", path);
  if (step["type"] === "ByteLevel") return []; // Changes offsets only.
  if (step["type"] === "Sequence") return listOf(step["processors"], "post_processor", path).flatMap((inner) => parseFrame(inner, path));
  if (step["type"] !== "TemplateProcessing") return unsupported("post_processor", step, "TemplateProcessing, ByteLevel, Sequence", path);
  return idsBefore(step, path);
}
