// Writes the programs that the seedling learns from: `def f(a)` over a small whole number or a list of them, one to three
// straight-line statements. An operation is { family, text, from, to }: `from` and `to` are "list" or "int", `text` an
// expression in `a`. Everything random comes from the given stream (src/random.ts), so equal seeds write equal programs.

/** Share of programs with 1, 2 and 3 statements. */
export const lineShares = [0.42, 0.46, 0.12];

const digits = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const operation = (family, from, to, texts) => texts.map((text) => ({ family, from, to, text }));

// Families are drawn evenly, then a member: otherwise the ten appends would crowd out the one sort.
const families = [
  operation("reverse", "list", "list", ["a[::-1]"]),
  operation("sort", "list", "list", ["sorted(a)"]),
  operation("slice", "list", "list", ["a[1:]", "a[:-1]", "a[:2]", "a[:3]", "a[2:]", "a[::2]"]),
  operation("append", "list", "list", digits(0, 9).map((k) => `a + [${k}]`)),
  operation("prepend", "list", "list", digits(0, 9).map((k) => `[${k}] + a`)),
  operation("add-each", "list", "list", digits(1, 5).map((k) => `[x + ${k} for x in a]`)),
  operation("scale-each", "list", "list", ["[x * 2 for x in a]"]),
  operation("filter", "list", "list", digits(0, 9).map((k) => `[x for x in a if x > ${k}]`)),
  operation("sum", "list", "int", ["sum(a)"]),
  operation("max", "list", "int", ["max(a)"]),
  operation("min", "list", "int", ["min(a)"]),
  operation("len", "list", "int", ["len(a)"]),
  operation("first", "list", "int", ["a[0]"]),
  operation("last", "list", "int", ["a[-1]"]),
  operation("add", "int", "int", digits(1, 9).map((k) => `a + ${k}`)),
  operation("subtract", "int", "int", digits(1, 9).map((k) => `a - ${k}`)),
  operation("double", "int", "int", ["a * 2"]),
];

function familiesFor(from, to) {
  return families.filter(([first]) => first.from === from && (to === undefined || first.to === to));
}

function drawOperation(random, from, to) {
  return random.choice(random.choice(familiesFor(from, to)));
}

/** A program as its list of operations; the first one's `from` is the type of the argument. */
export function drawProgram(random) {
  const roll = random.float();
  const lines = roll < lineShares[0] ? 1 : roll < lineShares[0] + lineShares[1] ? 2 : 3;
  let type = random.float() < 0.15 ? "int" : "list";
  const operations = [];
  for (let line = 0; line < lines; line++) {
    // Inside a program mostly lists stay lists, so that later lines have something to work on; at its end 2 in 5 reduce.
    const reduceShare = line === lines - 1 ? 0.4 : 0.2;
    const next = drawOperation(random, type, type === "int" ? "int" : random.float() < reduceShare ? "int" : "list");
    operations.push(next);
    type = next.to;
  }
  return operations;
}

/** The program as Python source. */
export function programText(operations) {
  const lines = operations.map(({ text }, index) => (index === operations.length - 1 ? `    return ${text}` : `    a = ${text}`));
  return ["def f(a):", ...lines].join("\n");
}

/** Whether every operation gets the type that the one before it makes. */
export function fitsTypes(operations) {
  return operations.length > 0 && operations.every((entry, index) => index === 0 || operations[index - 1].to === entry.from);
}

/** A different program near this one: an operation altered, dropped, added or swapped with its neighbour; types still fit. */
export function mutateProgram(random, operations, mostLines = 3) {
  for (;;) {
    const changed = [...operations];
    const at = random.integer(changed.length);
    const how = random.choice(["alter", "alter", "drop", "add", "swap"]);
    if (how === "alter") changed[at] = drawOperation(random, changed[at].from, changed[at].to);
    else if (how === "drop") changed.splice(at, 1);
    else if (how === "add" && changed.length < mostLines) changed.splice(at, 0, drawOperation(random, changed[at].from));
    else if (how === "swap" && at > 0) [changed[at - 1], changed[at]] = [changed[at], changed[at - 1]];
    const sameArgument = changed[0]?.from === operations[0].from;
    if (sameArgument && fitsTypes(changed) && programText(changed) !== programText(operations)) return changed;
  }
}

function drawNumber(random) {
  const roll = random.float();
  return roll < 0.75 ? random.integer(10) : roll < 0.9 ? 10 + random.integer(11) : -1 - random.integer(9);
}

/** Text of an argument of that type. */
export function drawInput(random, type) {
  if (type === "int") return String(random.float() < 0.7 ? drawNumber(random) : random.integer(50));
  const length = random.choice([1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 6]);
  return `[${Array.from({ length }, () => drawNumber(random)).join(", ")}]`;
}

/** `count` distinct argument texts. */
export function drawInputs(random, type, count) {
  const texts = new Set();
  while (texts.size < count) texts.add(drawInput(random, type));
  return [...texts];
}

/** Every program of that many lines, as text: for counting and for tests. */
export function allPrograms(lines) {
  const extend = (type, left) =>
    left === 0 ? [[]] : familiesFor(type).flat().flatMap((entry) => extend(entry.to, left - 1).map((rest) => [entry, ...rest]));
  return ["list", "int"].flatMap((type) => extend(type, lines)).map(programText);
}
