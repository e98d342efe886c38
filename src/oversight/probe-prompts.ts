// The prompt of a probe request: the request alone, in the wrapper of the run's format.
import type { Format, Prompt } from "../curriculum/format.ts";
import { registerTemplate } from "../curriculum/template.ts";

/** Makes the prompts of requests; null for formats in which nothing can be said in words. */
export function requestPrompts(format: Format): ((request: string) => Prompt) | null {
  if (!format.messages) return null;
  registerTemplate(format.version, "probe-request", "{{request}}");
  return (request) => format.prompt("probe-request", { request });
}
