// Fenced blocks of the paper format. A fence opens with three or more backticks and a tag on a line of its own and closes
// with at least as many, so a text that holds backticks is written with a longer fence and read back unchanged.

export interface FencedBlock {
  /** Lower-cased first word after the backticks; empty for none. */
  tag: string;
  text: string;
}

export interface FencedText {
  blocks: FencedBlock[];
  /** The lines that are in no closed block. */
  outside: string;
}

/** All closed fenced blocks, in order, and what is around them. A fence inside a longer fence is text; an unclosed fence is no block. */
export function fencedBlocks(text: string): FencedText {
  const blocks: FencedBlock[] = [];
  const outside: string[] = [];
  let opening = "";
  let open: { tag: string; size: number; lines: string[] } | undefined;
  for (const line of text.split(/\r?\n/)) {
    const mark = /^ {0,3}(`{3,})[ \t]*([^`]*)$/.exec(line);
    if (open === undefined) {
      opening = line;
      if (mark === null) outside.push(line);
      else open = { tag: mark[2]!.trim().split(/\s+/)[0]!.toLowerCase(), size: mark[1]!.length, lines: [] };
    } else if (mark !== null && mark[2]!.trim() === "" && mark[1]!.length >= open.size) {
      blocks.push({ tag: open.tag, text: open.lines.join("\n") });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== undefined) outside.push(opening, open.lines.join("\n"));
  return { blocks, outside: outside.join("\n") };
}

/** The text as a fenced block that `fencedBlocks` reads back. */
export function fence(tag: string, text: string): string {
  let longest = 2;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  const ticks = "`".repeat(longest + 1);
  return `${ticks}${tag}\n${text}\n${ticks}`;
}
