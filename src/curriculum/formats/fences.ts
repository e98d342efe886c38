// Fenced blocks of the paper format. A fence opens with three or more backticks and a tag on a line of its own and closes
// with at least as many, so a text that holds backticks is written with a longer fence and read back unchanged.

export interface FencedBlock {
  /** Lower-cased first word after the backticks; empty for none. */
  tag: string;
  text: string;
}

/** All closed fenced blocks, in order. A fence inside a longer fence is text; an unclosed fence is no block. */
export function fencedBlocks(text: string): FencedBlock[] {
  const blocks: FencedBlock[] = [];
  let open: { tag: string; size: number; lines: string[] } | undefined;
  for (const line of text.split(/\r?\n/)) {
    const mark = /^ {0,3}(`{3,})[ \t]*([^`]*)$/.exec(line);
    if (open === undefined) {
      if (mark !== null) open = { tag: mark[2]!.trim().split(/\s+/)[0]!.toLowerCase(), size: mark[1]!.length, lines: [] };
    } else if (mark !== null && mark[2]!.trim() === "" && mark[1]!.length >= open.size) {
      blocks.push({ tag: open.tag, text: open.lines.join("\n") });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  return blocks;
}

/** The text as a fenced block that `fencedBlocks` reads back. */
export function fence(tag: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
  const ticks = "`".repeat(longest + 1);
  return `${ticks}${tag}\n${text}\n${ticks}`;
}
