// The file audit.jsonl of a run folder: read back, and what is told when it is not what the run wrote.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AzrError } from "../errors.ts";
import { type AuditFault, readChain, type ReadAudit } from "../oversight/audit-chain.ts";
import { diskFault } from "./disk.ts";

/** The log with the first fault of its chain; empty where there is no file. Throws AZR_RUN_FOLDER when it cannot be read. */
export async function readAudit(dir: string): Promise<ReadAudit> {
  const path = join(dir, "audit.jsonl");
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return "";
    throw diskFault("read", path, cause);
  });
  return readChain(text);
}

export function auditFault(dir: string, { line, what }: AuditFault, checkpoint?: string): AzrError {
  const said = checkpoint === undefined ? "" : `, as ${checkpoint} has it`;
  return new AzrError("AZR_AUDIT_CORRUPT", `The audit log of ${dir} is not the one that the run wrote: line ${line}: ${what}${said}`, {
    hint: "Find out who changed it. Put the file back as it was to go on with the run, or start a new one from its model: azr train --model RUN",
    details: { line },
  });
}
