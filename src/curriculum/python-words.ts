// The words of a Python program outside of its strings and comments, and where its own statements begin. Enough to rename a function where that
// is safe; what a program means is left to the executor's analysis. Used by composite.ts.

export interface Word {
  text: string;
  at: number;
  /** The character before it and after it that is no white space; empty at the ends of the program. */
  before: string;
  after: string;
}

export interface PythonWords {
  /** Names, keywords and what follows the digit of a number. */
  words: Word[];
  /** Texts of strings with an f before them: names within are not among the words. */
  formatted: string[];
  /** Offsets where a line begins that starts a statement of the module: outside of strings and brackets, not set in. */
  starts: number[];
}

/** Reads a program in linear time; null when a string does not end or brackets do not pair. */
export function pythonWords(program: string): PythonWords | null {
  const words: Word[] = [];
  const formatted: string[] = [];
  const starts: number[] = [];
  const token = /([A-Za-z]{0,2})("""|'''|"|')|([\p{L}_][\p{L}\p{N}\p{M}_]*)|(#[^\n]*)|(\\\r?\n)|(\r?\n)|([^\s])/gu;
  let depth = 0;
  let lineStart = true;
  let previous = "";
  let waiting: Word | undefined;
  for (let match = token.exec(program); match !== null; match = token.exec(program)) {
    const [whole, prefix, quote, word, comment, continued, line, mark] = match;
    if (comment !== undefined || continued !== undefined || line !== undefined) {
      if (line !== undefined) lineStart = depth === 0;
      // A line that goes on starts no statement.
      if (continued !== undefined) lineStart = false;
      continue;
    }
    if (lineStart && (match.index === 0 || program[match.index - 1] === "\n")) starts.push(match.index);
    lineStart = false;
    if (waiting !== undefined) waiting.after = whole[0]!;
    waiting = undefined;
    if (quote !== undefined) {
      const end = endOfString(program, token.lastIndex, quote);
      if (end === null) return null;
      if (/f/i.test(prefix!)) formatted.push(program.slice(token.lastIndex, end));
      token.lastIndex = end + quote.length;
      previous = quote[0]!;
    } else if (word !== undefined) {
      waiting = { text: word, at: match.index, before: previous, after: "" };
      words.push(waiting);
      previous = word.at(-1)!;
    } else {
      if ("([{".includes(mark!)) depth += 1;
      if (")]}".includes(mark!)) depth -= 1;
      if (depth < 0) return null;
      previous = mark!;
    }
  }
  return depth === 0 ? { words, formatted, starts } : null;
}

/** Where the quote stands that ends a string; null when none does. */
function endOfString(program: string, from: number, quote: string): number | null {
  for (let at = from; at < program.length; at++) {
    if (program[at] === "\\") at += 1;
    else if (program.startsWith(quote, at)) return at;
    else if (quote.length === 1 && program[at] === "\n") return null;
  }
  return null;
}
