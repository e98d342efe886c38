// The chain of the audit log: each line holds the hash of the one before, and its own over that and its content in one fixed form. audit-trail.ts writes
// such lines; `azr audit` (src/audit-run.ts) and every resumption read them back.
import { createHash } from "node:crypto";

/** What a line tells, without its place in the chain. */
export interface AuditBody {
  step: number;
  type: string;
  [field: string]: unknown;
}

/** One line of audit.jsonl. */
export interface AuditLine extends AuditBody {
  /** From 1. */
  line: number;
  /** Hash of the line before; zeros for the first. */
  previous: string;
  hash: string;
}

/** A place in the log: so many lines, the last of which has this hash. Part of every checkpoint. */
export interface AuditHead {
  lines: number;
  hash: string;
}

export const emptyHead: AuditHead = { lines: 0, hash: "0".repeat(64) };

/** JSON with keys sorted at every depth and undefined left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((one) => canonicalJson(one ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  entries.sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonicalJson(one)}`).join(",")}}`;
}

const hashOf = (previous: string, content: object): string => createHash("sha256").update(`${previous}\n${canonicalJson(content)}`).digest("hex");

/** The line that follows `head`. */
export function chainLine(head: AuditHead, body: AuditBody): AuditLine {
  const line = head.lines + 1;
  return { line, ...body, previous: head.hash, hash: hashOf(head.hash, { line, ...body }) };
}

export const headOf = (lines: readonly AuditLine[], count = lines.length): AuditHead => (count === 0 ? emptyHead : { lines: count, hash: lines[count - 1]!.hash });

/** Where a log is no chain. */
export interface AuditFault {
  /** The first bad line, from 1; one more than there are where lines are missing at the end. */
  line: number;
  what: string;
}

export interface ReadAudit {
  /** The good lines, up to the first fault. */
  lines: AuditLine[];
  fault: AuditFault | null;
  /** Bytes of the whole lines: what a kill left half-written comes after. */
  bytes: number;
}

/** Reads a log and checks its chain. A last line without its end is what a kill leaves: it is passed over. */
export function readChain(text: string): ReadAudit {
  const end = text.lastIndexOf("\n") + 1;
  const lines: AuditLine[] = [];
  let head = emptyHead;
  const fault = (what: string): ReadAudit => ({ lines, fault: { line: lines.length + 1, what }, bytes: Buffer.byteLength(text.slice(0, end)) });
  for (const one of end === 0 ? [] : text.slice(0, end - 1).split("\n")) {
    let line: AuditLine;
    try {
      line = JSON.parse(one) as AuditLine;
    } catch {
      return fault("it is no JSON");
    }
    if (typeof line !== "object" || line === null) return fault("it is no object");
    const { hash, previous, line: number, ...body } = line;
    if (number !== lines.length + 1) return fault(`it says that it is line ${number}: lines were taken out or put in before it`);
    if (previous !== head.hash) return fault("it does not follow the line before it");
    // The form counts too: a key that stands twice, or a number written otherwise, is a change.
    if (hash !== hashOf(previous, { line: number, ...body }) || JSON.stringify(line) !== one) return fault("its content does not match its hash");
    lines.push(line);
    head = { lines: number, hash };
  }
  return { lines, fault: null, bytes: Buffer.byteLength(text.slice(0, end)) };
}

/** What is wrong with a log that should have been at this place once: lines of its end are gone, or it is another log. Null: it was there. */
export function missesHead(lines: readonly AuditLine[], { lines: count, hash }: AuditHead): AuditFault | null {
  if (lines.length < count) return { line: lines.length + 1, what: `the lines up to ${count} are missing` };
  return headOf(lines, count).hash === hash ? null : { line: Math.max(count, 1), what: "it is not the line that was there" };
}
