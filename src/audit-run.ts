// Checks the audit log of a run: that its lines are the chain that the run wrote, and that nothing is missing that checkpoints and events tell of.
import { createReadStream } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { AzrError } from "./errors.ts";
import type { RunEvent } from "./events.ts";
import { readJsonl } from "./jsonl.ts";
import { type AuditFault, type AuditHead, type AuditLine, headOf, missesHead } from "./oversight/audit-chain.ts";
import { readAudit } from "./run/audit-file.ts";
import { listCheckpoints, peekCheckpoint } from "./run/checkpoint.ts";
import type { LoopState } from "./run/session.ts";

export interface AuditReport {
  type: "audit";
  run: string;
  /** The first bad line, where there is one; `lines` are those before it. */
  fault: AuditFault | null;
  /** The last good line. Whoever keeps it elsewhere can tell later that the log still has it. */
  head: AuditHead;
  /** Findings by rule. */
  findings: Record<string, number>;
  /** The latest checkpoint waits for a review. */
  reviewNeeded: boolean;
  lines: AuditLine[];
}

export interface AuditOptions {
  /** A hash of a line that the log must have. */
  head?: string;
}

/** The place in the log of each checkpoint, and whether the latest waits for a review. Damaged ones are the resumption's business. */
async function checkpointHeads(dir: string): Promise<{ heads: AuditHead[]; reviewNeeded: boolean }> {
  const heads: AuditHead[] = [];
  let reviewNeeded = false;
  for (const name of await listCheckpoints(dir)) {
    const oversight = (await peekCheckpoint<LoopState>(dir, name))?.state.oversight;
    if (oversight !== undefined) heads.push(oversight.audit);
    reviewNeeded = oversight?.review !== undefined;
  }
  return { heads, reviewNeeded };
}

/** Hashes of the lines that events tell of. */
async function eventHashes(dir: string): Promise<string[]> {
  const path = join(dir, "events.jsonl");
  if (!(await access(path).then(() => true, () => false))) return [];
  const hashes: string[] = [];
  for await (const { value } of readJsonl(createReadStream(path))) {
    const event = value as RunEvent | undefined;
    if (event?.type === "oversight-finding") hashes.push(event.audit);
  }
  return hashes;
}

/** Throws AZR_RUN_FOLDER where there is no audit log. A fault is part of the report. */
export async function auditRun(dir: string, { head }: AuditOptions = {}): Promise<AuditReport> {
  const { lines, fault: broken } = await readAudit(dir);
  const { heads, reviewNeeded } = await checkpointHeads(dir);
  if (lines.length === 0 && broken === null && heads.length === 0) {
    throw new AzrError("AZR_RUN_FOLDER", `${dir} holds no audit.jsonl with a whole line`, { hint: "Give the folder of a self-play run; runs of earlier versions have none." });
  }
  const hashes = [...(await eventHashes(dir)), ...(head === undefined ? [] : [head])];
  const known = new Set(lines.map(({ hash }) => hash));
  const missing = heads.map((one) => missesHead(lines, one)).find((fault) => fault !== null) ?? null;
  const untold = hashes.find((hash) => !known.has(hash));
  const gone = untold === undefined ? null : { line: lines.length + 1, what: `no line has the hash ${untold}, which ${untold === head ? "was given" : "an event tells of"}: lines of the end are missing, or it is another log` };
  const findings: Record<string, number> = {};
  for (const { type, rule } of lines) if (type === "finding") findings[String(rule)] = (findings[String(rule)] ?? 0) + 1;
  return { type: "audit", run: dir, fault: broken ?? missing ?? gone, head: headOf(lines), findings, reviewNeeded, lines };
}
