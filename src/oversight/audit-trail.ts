// Writes the audit log of a run. A run that goes on repeats the steps after its checkpoint and so what was decided in them: lines that are there already
// are found again and not written twice, and nothing is ever cut off, what a roll-back leaves behind included.
import { type AuditBody, type AuditHead, type AuditLine, canonicalJson, chainLine, headOf } from "./audit-chain.ts";

export interface AuditTrail {
  /** Tells of something that follows from the run's records; returns the line's hash. */
  record(body: AuditBody): string;
  /** Tells of what a person did: always a new line. */
  note(body: AuditBody): string;
  /** Goes on behind the line of this roll-back, which it writes where it is not there yet. */
  rollBack(body: AuditBody & { number: number }): void;
  /** Where the run stands in the log: with this a checkpoint goes on. */
  position(): AuditHead;
  /** Lines that were written here and are not synced yet. */
  readonly unsynced: number;
  /** Resolves when all lines are on the disk. */
  sync(): Promise<void>;
}

/** The file that it writes to. */
export interface AuditFile {
  append(line: AuditLine): void;
  sync(): Promise<void>;
}

/** What people do stands among the lines and is not repeated. */
const byPeople: ReadonlySet<string> = new Set(["reviewed", "settings-changed"]);

const bodyOf = ({ line: _line, previous: _previous, hash: _hash, ...body }: AuditLine): AuditBody => body as AuditBody;

/** `lines` is the whole log so far, `from` the place of the checkpoint that the run goes on from. */
export function createAuditTrail(file: AuditFile, lines: AuditLine[], from: AuditHead): AuditTrail {
  const all = [...lines];
  let at = from.lines;
  let unsynced = 0;

  function append(body: AuditBody): string {
    const line = chainLine(headOf(all), body);
    all.push(line);
    file.append(line);
    unsynced += 1;
    return line.hash;
  }
  const trail: AuditTrail = {
    record(body) {
      let next = at;
      while (next < all.length && byPeople.has(all[next]!.type)) next += 1;
      const known = all[next];
      if (known !== undefined && canonicalJson(bodyOf(known)) === canonicalJson(body)) {
        at = next + 1;
        return known.hash;
      }
      const hash = append(body);
      // From here on the run is another than the one that left the lines after `at`.
      at = all.length;
      return hash;
    },
    note(body) {
      const repeating = at < all.length;
      const hash = append(body);
      if (!repeating) at = all.length;
      return hash;
    },
    rollBack(body) {
      const there = all.findIndex(({ type, number }, place) => place >= at && type === body.type && number === body.number);
      if (there >= 0) at = there + 1;
      else {
        append(body);
        at = all.length;
      }
    },
    position: () => headOf(all, at),
    get unsynced() {
      return unsynced;
    },
    async sync() {
      if (unsynced === 0) return;
      await file.sync();
      unsynced = 0;
    },
  };
  return trail;
}
