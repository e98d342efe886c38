// JSON lines: reading that survives bad lines and names them, strict checking of fields with zod, and writing.
// Used by every `--jsonl` command and by the run folder.
import type { Writable } from "node:stream";
import { once } from "node:events";
import type { z } from "zod";
import { issueText } from "./issues.ts";

/** One line of input, counted from 1: its value, or what is wrong with it. */
export type JsonlLine<T> = { line: number; value: T; error?: undefined } | { line: number; error: string; value?: undefined };

export type JsonlSource = string | AsyncIterable<Uint8Array | string>;

/** No line is longer (in bytes); one that is becomes an error and is not kept in memory. */
const defaultMaxLineBytes = 16 * 1024 * 1024;

interface RawLine {
  line: number;
  /** Undefined when the line was too long. */
  bytes: Buffer | undefined;
}

async function* splitLines(source: JsonlSource, maxLineBytes: number): AsyncGenerator<RawLine> {
  let line = 1;
  let parts: Buffer[] = [];
  let length = 0;
  const finish = (): RawLine => {
    const bytes = length > maxLineBytes ? undefined : Buffer.concat(parts);
    parts = [];
    length = 0;
    return { line: line++, bytes };
  };
  const append = (part: Buffer): void => {
    length += part.length;
    if (length > maxLineBytes) parts = [];
    else if (part.length > 0) parts.push(part);
  };
  for await (const chunk of typeof source === "string" ? [source] : source) {
    let rest = typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      append(rest.subarray(0, end));
      yield finish();
      rest = rest.subarray(end + 1);
    }
    append(rest);
  }
  if (length > 0) yield finish();
}

/**
 * Reads JSON lines from a text or a stream, in order. Blank lines are skipped but counted; a line that is no JSON, no UTF-8 or too long
 * comes out as an error, and reading goes on. Only the source itself can make it throw.
 */
export async function* readJsonl(source: JsonlSource, { maxLineBytes = defaultMaxLineBytes } = {}): AsyncGenerator<JsonlLine<unknown>> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const { line, bytes } of splitLines(source, maxLineBytes)) {
    if (bytes === undefined) {
      yield { line, error: `longer than ${maxLineBytes} bytes` };
      continue;
    }
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch {
      yield { line, error: "not valid UTF-8" };
      continue;
    }
    if (text.trim() === "") continue;
    try {
      yield { line, value: JSON.parse(text) as unknown };
    } catch (error) {
      yield { line, error: `not valid JSON: ${(error as Error).message}` };
    }
  }
}

/** The first few complaints of zod as one sentence; unknown fields are named. */
export function describeIssues(error: z.ZodError): string {
  const complaints = error.issues.map((issue) => {
    const path = issue.path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("").replace(/^\./, "");
    const what = issue.code === "unrecognized_keys" ? `unknown field ${issue.keys.map((key) => `"${key}"`).join(", ")}` : issueText(issue);
    if (path === "") return what;
    return what === "is missing" || what === "is empty" ? `${path} ${what}` : `${path}: ${what}`;
  });
  const more = complaints.length > 3 ? `; and ${complaints.length - 3} more` : "";
  return complaints.slice(0, 3).join("; ") + more;
}

/** `readJsonl`, with each value checked. Give a `z.strictObject`, so that unknown fields are errors of their line. */
export async function* readJsonlAs<T>(
  source: JsonlSource,
  schema: z.ZodType<T>,
  options: { maxLineBytes?: number } = {},
): AsyncGenerator<JsonlLine<T>> {
  for await (const item of readJsonl(source, options)) {
    if (item.error !== undefined) {
      yield item;
      continue;
    }
    const checked = schema.safeParse(item.value);
    yield checked.success ? { line: item.line, value: checked.data } : { line: item.line, error: describeIssues(checked.error) };
  }
}

/** One line of output, its newline included. */
export function jsonlLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** Writes values as lines; each `write` resolves when the stream wants more, so a slow reader holds the writer back. */
export function createJsonlWriter(stream: Writable): { write(value: unknown): Promise<void> } {
  return {
    async write(value) {
      if (!stream.write(jsonlLine(value))) await once(stream, "drain");
    },
  };
}
