// Random Python expressions of a wanted type, for random-programs.ts. A set is never iterated, since its order is the process's own; what may
// raise does so in every CPython alike; texts, lists and integers stay small enough for any limit.
import type { Choices } from "./program-parts.ts";

export type Type = "int" | "float" | "bool" | "str" | "bytes" | "ints" | "words" | "table" | "numbers" | "matrix" | "any";

/** Names in scope by type, and how deep an expression may still go. */
export interface Scope {
  choices: Choices;
  names: Record<Exclude<Type, "any">, string[]>;
}

export const newScope = (choices: Choices): Scope => ({
  choices,
  names: { int: [], float: [], bool: [], str: [], bytes: [], ints: [], words: [], table: [], numbers: [], matrix: [] },
});

/** `scope` with one name more, for what stands inside of a comprehension or a lambda. */
function within(scope: Scope, type: Exclude<Type, "any">, name: string): Scope {
  return { ...scope, names: { ...scope.names, [type]: [...scope.names[type], name] } };
}

const simpleTypes = ["int", "float", "bool", "str", "bytes", "ints", "words", "table", "numbers", "matrix"] as const;

function leaf({ choices: c, names }: Scope, type: Exclude<Type, "any">): string {
  if (names[type].length > 0 && c.int(0, 3) > 0) return c.pick(names[type]);
  switch (type) {
    case "int":
      return c.pick([String(c.int(-9, 99)), String(c.int(-9, 9)), "0", "-1", "2 ** 64", "0xff", "10 ** 20", "True"]);
    case "float":
      return c.pick([c.float(), c.float(), "float('inf')", "float('nan')", "-0.0", "1e-300", "0.1"]);
    case "bool":
      return c.pick(["True", "False"]);
    case "str":
      return c.pick([c.text(), c.word()]);
    case "bytes":
      return c.pick(["b'abc'", "b''", "b'\\x00\\xff'", "bytes(range(5))", "bytes([65, 66])"]);
    case "numbers":
      return `set(${c.ints(-5, 9)})`;
    default:
      return c[type]();
  }
}

/** An expression of the type. */
export function expression(scope: Scope, type: Type, depth: number): string {
  const c = scope.choices;
  if (type === "any") return expression(scope, c.pick(simpleTypes), depth);
  if (depth <= 0 || c.int(0, 5) === 0) return leaf(scope, type);
  const e = (of: Type): string => expression(scope, of, depth - 1);
  /** The same with `name` bound to something of that type. */
  const inner = (of: Type, name: string, bound: Exclude<Type, "any">): string => expression(within(scope, bound, name), of, depth - 1);
  const small = (): string => String(c.int(-4, 6));
  const conditional = (): string => `(${e(type)} if ${e("bool")} else ${e(type)})`;
  const forms: Record<Exclude<Type, "any">, (() => string)[]> = {
    int: [
      () => `(${e("int")} ${c.pick(["+", "-", "*", "//", "%", "&", "|", "^"])} ${e("int")})`,
      () => `(${e("int")} ${c.pick(["<<", ">>"])} ${c.int(0, 70)})`,
      () => `${c.pick(["-", "~", "+", "abs", "int", "hash", "round"])}(${e("int")})`,
      () => `len(${e(c.pick(["str", "bytes", "ints", "words", "table", "numbers"] as const))})`,
      () => `${c.pick(["sum", "max", "min"])}(${e(c.pick(["ints", "numbers"] as const))})`,
      () => `max(${e("ints")}, default=${small()}, key=lambda n: ${inner("int", "n", "int")})`,
      () => `${e("str")}.${c.pick(["count", "find", "rfind", "index"])}(${c.pick(["'a'", "'e'", "''", "' '"])})`,
      () => `${e("table")}.get(${e("str")}, ${small()})`,
      () => `${e("ints")}[${small()}]`,
      () => `${e("table")}[${leaf(scope, "str")}]`,
      () => `divmod(${e("int")}, ${e("int")})[${c.int(0, 1)}]`,
      () => `pow(${e("int")}, ${c.int(0, 5)}, ${c.pick(["97", "None", "-7"])})`,
      () => `${c.pick(["round", "int"])}(${e("float")})`,
      () => `int(${c.pick(["'12'", "' -7 '", "'ff', 16", "'0b11', 0", "'1_0'", "'x'", "'٣'"])})`,
      () => `ord(${e("str")}[:1] or 'q')`,
      () => `next((n for n in ${e("ints")} if ${inner("bool", "n", "int")}), ${small()})`,
      () => `(lambda n, *rest, k=${small()}: ${inner("int", "n", "int")} + k + len(rest))(${e("int")}, 1)`,
      () => `int.from_bytes(${e("bytes")}, '${c.pick(["big", "little"])}', signed=${c.pick(["True", "False"])})`,
      () => `(${e("int")}).bit_length()`,
      () => `functools.reduce(lambda a, b: (a * 31 + b) % 9973, ${e("ints")}, ${small()})`,
      () => `math.${c.pick([`gcd(${e("int")}, ${small()})`, `comb(${c.int(0, 12)}, ${c.int(0, 5)})`, `floor(${e("float")})`, `isqrt(${e("int")})`, `prod(${e("ints")})`])}`,
      () => `bisect.bisect(sorted(${e("ints")}), ${small()})`,
    ],
    float: [
      () => `(${e("float")} ${c.pick(["+", "-", "*", "/", "//", "%"])} ${e("float")})`,
      () => `(${e("int")} / ${e("int")})`,
      () => `math.${c.pick(["sqrt", "fabs", "log1p", "trunc", "ceil"])}(${e("float")})`,
      () => `round(${e("float")}, ${c.int(-1, 4)})`,
      () => `float(${c.pick([e("int"), "'1e3'", "'-inf'", "'  2.5 '", "'nan'", "'one'"])})`,
      () => `math.fsum([${e("float")}, ${e("float")}, ${e("float")}])`,
      () => `min(${e("float")}, ${e("float")})`,
      () => `(${e("float")}).${c.pick(["real", "imag", "conjugate()"])}`,
      () => `abs(complex(${e("float")}, ${e("int")}))`,
    ],
    bool: [
      () => `(${e("int")} ${c.pick(["<", "<=", ">", ">=", "==", "!="])} ${e("int")})`,
      () => `(${small()} < ${e("int")} <= ${small()} != ${small()})`,
      () => `(${e("str")} ${c.pick(["<", "==", "in", "not in"])} ${e("str")})`,
      () => `(${e("int")} in ${e(c.pick(["ints", "numbers"] as const))})`,
      () => `(${e("numbers")} ${c.pick(["<=", "<", ">=", "=="])} ${e("numbers")})`,
      () => `(${e("bool")} ${c.pick(["and", "or", "^", "is", "is not"])} ${e("bool")})`,
      () => `(not ${e("any")})`,
      () => `${c.pick(["all", "any"])}(${inner("bool", "n", "int")} for n in ${e("ints")})`,
      () => `isinstance(${e("any")}, ${c.pick(["int", "str", "(list, dict)", "int | float", "object"])})`,
      () => `${e("str")}.${c.pick(["isdigit()", "isalpha()", "istitle()", "isspace()", "isidentifier()", "startswith('a')", "endswith(('e', ''))", "isupper()"])}`,
      () => `bool(${e("any")})`,
      () => `${e("numbers")}.${c.pick(["issubset", "isdisjoint", "issuperset"])}(${e("ints")})`,
      () => `(${e("float")} == ${e("int")})`,
    ],
    str: [
      () => `(${e("str")} + ${e("str")})`,
      () => `(${e("str")} * ${c.int(-1, 3)})`,
      () => `${e("str")}[${c.pick(["", small()])}:${c.pick(["", small()])}:${c.pick(["1", "2", "-1", "-2"])}]`,
      () => `${e("str")}[${small()}]`,
      () => `${e("str")}.${c.pick(["upper()", "lower()", "title()", "swapcase()", "capitalize()", "casefold()", "strip()", "lstrip('ab ')", "rstrip()", "expandtabs(3)", "zfill(7)", "center(9, '*')", "ljust(6, '.')", "rjust(6)", "removeprefix('a')", "removesuffix('e')"])}`,
      () => `${e("str")}.replace(${c.word()}, ${e("str")}, ${small()})`,
      () => `${c.pick(["','", "''", "' - '"])}.join(${e("words")})`,
      () => `(lambda a, b, c: f'{a:${c.pick(["d", "x", "b", ",", "+", "08", ">6", "_", "#o"])}}{b:${c.pick([".2f", "g", "e", "%", "10.3", "z.1f"])}}{c!r}')(${e("int")}, ${e("float")}, ${e("str")})`,
      () => `('%s|%5d|%-4s|%x' % (${leaf(scope, "str")}, ${c.int(-99, 99)}, ${leaf(scope, "int")}, ${c.int(0, 999)}))`,
      () => `'{0}{1!r:>5}{k}'.format(${e("int")}, ${e("str")}, k=${e("bool")})`,
      () => `${c.pick(["str", "repr", "ascii", "format"])}(${e(c.pick(["int", "float", "str", "ints", "table", "bytes", "bool"] as const))})`,
      () => `${c.pick(["bin", "hex", "oct"])}(${e("int")})`,
      () => `chr(${e("int")} % ${c.pick(["128", "0x300", "0x110000"])})`,
      () => `${e("str")}.translate(str.maketrans({'a': 'A', 'e': None}))`,
      () => `${c.pick(["max", "min"])}(${e("words")}, key=len, default='')`,
      () => `${e("bytes")}.${c.pick(["hex()", "decode('latin-1')", "decode('utf-8', 'replace')", "decode()"])}`,
      () => `type(${e("any")}).__name__`,
      () => `re.sub(r'${c.pick(["[aeiou]", "\\\\s+", "(.)\\\\1", "^."]).replaceAll("\\\\", "\\")}', ${c.pick(["'_'", "lambda m: m.group().upper()"])}, ${e("str")})`,
    ],
    bytes: [
      () => `${e("str")}.encode(${c.pick(["", "'utf-8'", "'ascii', 'ignore'", "'latin-1', 'replace'"])})`,
      () => `(${e("bytes")} + ${e("bytes")})`,
      () => `bytes(n % 256 for n in ${e("ints")})`,
      () => `${e("bytes")}[${small()}:]`,
      () => `${e("bytes")}.${c.pick(["upper()", "strip()", "replace(b'a', b'zz')", "rjust(5, b'-')", "title()"])}`,
      () => `(${e("int")} % 65536).to_bytes(2, 'big')`,
      () => `bytes(bytearray(${e("bytes")})[::-1])`,
    ],
    ints: [
      () => `[${inner("int", "n", "int")} for n in ${e("ints")}]`,
      () => `[n for n in ${e("ints")} if ${inner("bool", "n", "int")}]`,
      () => `[n for row in ${e("matrix")} for n in row if ${inner("bool", "n", "int")}]`,
      () => `sorted(${e(c.pick(["ints", "numbers"] as const))}, reverse=${e("bool")})`,
      () => `sorted(${e("ints")}, key=lambda n: (${inner("bool", "n", "int")}, -n))`,
      () => `list(range(${small()}, ${small()}, ${c.pick(["1", "2", "-1", "-3"])}))`,
      () => `(${e("ints")} + ${e("ints")})[:12]`,
      () => `${e("ints")}[${c.pick(["", small()])}:${c.pick(["", small()])}:${c.pick(["1", "2", "-1"])}]`,
      () => `list(map(lambda n: ${inner("int", "n", "int")}, ${e("ints")}))`,
      () => `list(filter(${c.pick(["None", "lambda n: n % 2", "bool"])}, ${e("ints")}))`,
      () => `[a ${c.pick(["+", "-", "*"])} b for a, b in zip(${e("ints")}, ${e("ints")})]`,
      () => `list(${e("table")}.values())`,
      () => `[i * n for i, n in enumerate(${e("ints")}, ${small()})]`,
      () => `list(itertools.${c.pick(["accumulate(", "chain([1], ", "takewhile(lambda n: n < 9, ", "dropwhile(bool, "])}${e("ints")}))[:12]`,
      () => `[*${e("ints")}, ${e("int")}, *(${e("ints")})[:2]]`,
      () => `list(reversed(${e("ints")}))`,
      () => `list(${e("bytes")})[:9]`,
      () => `[len(w) for w in ${e("words")}]`,
      () => `heapq.nsmallest(${c.int(0, 4)}, ${e("ints")})`,
    ],
    words: [
      () => `${e("str")}.${c.pick(["split()", "split(' ', 1)", "rsplit(None, 1)", "splitlines()", "split('a')"])}`,
      () => `sorted(${e("words")}, key=${c.pick(["len", "str.lower", "lambda w: w[::-1]", "None"])})`,
      () => `[${inner("str", "w", "str")}[:20] for w in ${e("words")}]`,
      () => `list(map(str, ${e("ints")}))`,
      () => `list(${e("str")})[:8]`,
      () => `list(${e("table")})`,
      () => `[w for w in ${e("words")} if ${inner("bool", "w", "str")}]`,
      () => `sorted({w[:1] for w in ${e("words")}})`,
      () => `list(${e("str")}.partition(${c.pick(["' '", "'a'"])}))`,
      () => `[''.join(p) for p in itertools.${c.pick(["combinations('abc', 2)", "product('ab', repeat=2)", "permutations('xyz', 2)"])}]`,
      () => `re.findall(r'${c.pick(["\\\\w+", "[a-m]+", "\\\\d", "(?i)[aeiou].?"]).replaceAll("\\\\", "\\")}', ${e("str")})`,
    ],
    table: [
      () => `{w: ${inner("int", "w", "str")} for w in ${e("words")}}`,
      () => `dict(zip(${e("words")}, ${e("ints")}))`,
      () => `{**${e("table")}, ${e("str")}: ${e("int")}}`,
      () => `(${e("table")} | ${e("table")})`,
      () => `dict(sorted(${e("table")}.items(), key=lambda kv: ${c.pick(["kv[1]", "(-kv[1], kv[0])", "kv"])}))`,
      () => `dict.fromkeys(${e("words")}, ${e("int")})`,
      () => `{k: n for k, n in ${e("table")}.items() if ${inner("bool", "n", "int")}}`,
      () => `dict(collections.Counter(${e("str")}))`,
    ],
    numbers: [
      () => `set(${e("ints")})`,
      () => `{${inner("int", "n", "int")} for n in ${e("ints")}}`,
      () => `(${e("numbers")} ${c.pick(["|", "&", "-", "^"])} ${e("numbers")})`,
      () => `${e("numbers")}.${c.pick(["union", "intersection", "difference", "symmetric_difference"])}(${e("ints")})`,
      () => `set(${e("table")}.values())`,
    ],
    matrix: [
      () => `[[${inner("int", "n", "int")} for n in row] for row in ${e("matrix")}]`,
      () => `[list(row) for row in zip(*${e("matrix")})]`,
      () => `[${e("ints")}, ${e("ints")}]`,
      () => `[[i * j for j in range(${c.int(0, 3)})] for i in range(${c.int(0, 3)})]`,
      () => `sorted(${e("matrix")}, key=len)`,
      () => `[[n, *rest] for n, *rest in ${e("matrix")}]`,
    ],
  };
  return c.pick([...forms[type], conditional])();
}
