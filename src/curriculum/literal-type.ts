// The Python type of a literal by its text alone, for statistics of what tasks are about (intrinsic.ts). Nothing is evaluated, and a text that
// is no literal counts as a string, as it does in the authors' code.

const quoted = /(?:[rRuUbB]{0,2})(?:'''(?:\\[^]|[^\\])*?'''|"""(?:\\[^]|[^\\])*?"""|'(?:\\[^]|[^'\\\n])*'|"(?:\\[^]|[^"\\\n])*")/y;
const closing: Record<string, string> = { "[": "]", "(": ")", "{": "}" };

/** Whether commas and colons stand within the text's outermost level; null when brackets or quotes do not match. `whole`: one bracket holds all of it. */
function outermost(text: string): { comma: boolean; colon: boolean; whole: boolean } | null {
  const open: string[] = [];
  let [comma, colon, whole] = [false, false, true];
  for (let at = 0; at < text.length; at++) {
    quoted.lastIndex = at;
    const string = quoted.exec(text);
    if (string !== null) {
      whole &&= open.length > 0;
      at += string[0].length - 1;
      continue;
    }
    const letter = text[at]!;
    if (letter === "'" || letter === '"') return null;
    if (open.length === 0 && letter === ",") comma = true;
    if (open.length === 0 && letter === ":") colon = true;
    whole &&= open.length > 0 || letter in closing;
    if (letter in closing) open.push(closing[letter]!);
    else if ("])}".includes(letter) && open.pop() !== letter) return null;
    if (open.length === 0 && at < text.length - 1) whole = false;
  }
  return open.length > 0 ? null : { comma, colon, whole };
}

function atomType(text: string): string {
  if (text === "None") return "NoneType";
  if (text === "True" || text === "False") return "bool";
  if (/^[-+]?(\d[\d_]*|0[xob][\da-f_]+)$/i.test(text)) return "int";
  if (/^[-+]?(\d[\d_]*\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) || /^[-+]?(inf|nan)$/.test(text)) return "float";
  return /^[-+\d.e]*j$/i.test(text) && /\d/.test(text) ? "complex" : "str";
}

/** Name of the type, as Python's `type(value).__name__` gives it; of several arguments `tuple`. */
export function literalType(literal: string): string {
  const text = literal.trim();
  const outer = outermost(text);
  if (outer === null || text === "") return "str";
  if (outer.comma) return "tuple";
  if (outer.whole) {
    const inner = text.slice(1, -1).trim();
    const parts = outermost(inner);
    if (text[0] === "[") return "list";
    if (text[0] === "{") return inner === "" || parts?.colon ? "dict" : "set";
    return inner === "" || parts?.comma ? "tuple" : literalType(inner);
  }
  quoted.lastIndex = 0;
  const string = quoted.exec(text);
  if (string !== null) return string[0].length === text.length && /^[rRuU]*[bB]/.test(text) ? "bytes" : "str";
  return /^([A-Za-z_]\w*)\(.*\)$/s.exec(text)?.[1] ?? atomType(text);
}
