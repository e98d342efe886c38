// A classifier behind an HTTP endpoint: POST {"texts":[...]}, answered by {"scores":[...]}. One request for at most 64 texts, one after another; the only
// network that a run uses, and only where `oversight.classifier.url` names an endpoint.
import * as z from "zod";
import { classifierFailed } from "./classifier-failure.ts";

const answerSchema = z.object({ scores: z.array(z.number().min(0).max(1)) });
const atATime = 64;
/** Of an answer no more is read. */
const mostBytes = 1 << 20;

export interface HttpClassifierOptions {
  url: string;
  timeoutSeconds: number;
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > mostBytes) throw classifierFailed("its answer is longer than 1 MiB");
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The scores of the texts. Rejects with AZR_OVERSIGHT: no answer in time, another status than 200, or not one score a text. */
export function httpClassifier({ url, timeoutSeconds }: HttpClassifierOptions): (texts: readonly string[], options: { signal?: AbortSignal }) => Promise<number[]> {
  async function ask(texts: readonly string[], signal: AbortSignal | undefined): Promise<number[]> {
    let text: string;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ texts }),
        redirect: "error",
        signal: AbortSignal.any([AbortSignal.timeout(timeoutSeconds * 1000), ...(signal === undefined ? [] : [signal])]),
      });
      text = await textOf(response);
      if (response.status !== 200) throw classifierFailed(`${url} answered with status ${response.status}`);
    } catch (cause) {
      throw classifierFailed(`${url}: ${(cause as Error).message}`, cause);
    }
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch (cause) {
      throw classifierFailed(`${url} answered with what is no JSON`, cause);
    }
    const parsed = answerSchema.safeParse(answer);
    if (!parsed.success || parsed.data.scores.length !== texts.length) throw classifierFailed(`${url} did not answer with one score from 0 to 1 for each of ${texts.length} texts`);
    return parsed.data.scores;
  }
  return async (texts, { signal }) => {
    const scores: number[] = [];
    for (let at = 0; at < texts.length; at += atATime) scores.push(...(await ask(texts.slice(at, at + atATime), signal)));
    return scores;
  };
}
