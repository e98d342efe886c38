// Random Python programs: statements over a handful of typed variables, with functions, classes, generators and exceptions among them.
// They end, they are pure, and what they hold stays small. honest-programs.ts mixes them with the templates.
import type { Choices } from "./program-parts.ts";
import { expression, newScope, type Scope, type Type } from "./random-expressions.ts";

const variableTypes = ["int", "float", "str", "ints", "words", "table", "numbers", "matrix", "bytes"] as const;
type VariableType = (typeof variableTypes)[number];

const depth = 2;
const indent = (lines: string[]): string[] => lines.map((line) => `    ${line}`);
const exceptions = ["ValueError", "IndexError", "KeyError", "ZeroDivisionError", "TypeError", "OverflowError", "(LookupError, ArithmeticError)", "Exception", "UnicodeError"];

/** An expression whose value is as small as a variable's may be, however often a loop comes by. */
function bounded(scope: Scope, type: VariableType): string {
  const text = expression(scope, type, depth);
  if (type === "int") return `(${text}) % ${scope.choices.pick(["1000003", "2 ** 70", "-97"])}`;
  if (type === "str" || type === "bytes") return `(${text})[:60]`;
  if (type === "ints" || type === "words") return `(${text})[:12]`;
  return type === "matrix" ? `[row[:5] for row in (${text})[:5]]` : text;
}

function assignment(scope: Scope): string[] {
  const c = scope.choices;
  const type = c.pick(variableTypes);
  const known = scope.names[type];
  if (known.length > 0 && c.int(0, 1) === 0) return [`${c.pick(known)} = ${bounded(scope, type)}`];
  const name = `${type[0]}${Object.values(scope.names).flat().length}`;
  const line = `${name} = ${bounded(scope, type)}`;
  known.push(name);
  return [line];
}

/** A change of something that is there already. */
function change(scope: Scope): string[] {
  const { choices: c, names } = scope;
  const type = c.pick(variableTypes.filter((one) => one !== "bytes" && names[one].length > 0)) as Exclude<VariableType, "bytes">;
  const name = c.pick(names[type]);
  const e = (of: Type): string => expression(scope, of, 1);
  const forms: Record<Exclude<VariableType, "bytes">, () => string> = {
    int: () => `${name} ${c.pick(["+=", "-=", "^=", "//=", "%=", "|=", "&="])} ${e("int")}`,
    float: () => `${name} ${c.pick(["+=", "-=", "*=", "/="])} ${e("float")}`,
    str: () => `${name} += ${e("str")}[:5]`,
    ints: () => `${name}${c.pick([`.append(${e("int")})`, `.insert(${c.int(-2, 4)}, ${e("int")})`, ".reverse()", ".sort()", ".pop()", `.remove(${c.int(0, 9)})`, `[${c.int(-3, 3)}] = ${e("int")}`, `[${c.int(0, 2)}:${c.int(1, 4)}] = ${e("ints")}[:3]`, `.extend(${e("ints")}[:3])`])}`,
    words: () => `${name}${c.pick([`.append(${e("str")})`, ".sort(key=len)", `.pop(${c.int(-1, 2)})`, ` += [${e("str")}]`, ".clear()"])}`,
    table: () => `${name}${c.pick([`[${e("str")}] = ${e("int")}`, `.update(${e("table")})`, `.pop(${e("str")}, None)`, `.setdefault('a', ${e("int")})`, ".popitem()", ` |= ${e("table")}`])}`,
    numbers: () => `${name}${c.pick([`.add(${e("int")})`, `.discard(${c.int(0, 9)})`, `.remove(${c.int(0, 9)})`, ` |= ${e("numbers")}`, ` &= ${e("numbers")}`, `.update(${e("ints")})`])}`,
    matrix: () => `${name}.append(${e("ints")}[:4])`,
  };
  return [c.int(0, 8) === 0 && type === "ints" ? `del ${name}[${c.int(0, 3)}]` : forms[type]()];
}

/** A loop of at most nine rounds; what it binds is in scope inside. */
function loop(scope: Scope, level: number): string[] {
  const c = scope.choices;
  const id = `${level}${c.int(0, 99)}`;
  const inner = (types: [VariableType, string][]): Scope => {
    const names = { ...scope.names };
    for (const [type, name] of types) names[type] = [...names[type], name];
    return { ...scope, names };
  };
  const leave = (): string[] => (c.int(0, 3) > 0 ? [] : [`if ${expression(scope, "bool", 1)}:`, `    ${c.pick(["break", "continue"])}`]);
  const rest = (): string[] => (c.int(0, 4) > 0 ? [] : ["else:", ...indent(change(scope))]);
  const heads: (() => string[])[] = [
    () => [`for v${id} in ${expression(scope, "ints", 1)}[:9]:`, ...indent([...block(inner([["int", `v${id}`]]), level + 1), ...leave()]), ...rest()],
    () => [`for i${id}, w${id} in enumerate(${expression(scope, "words", 1)}[:6]):`, ...indent(block(inner([["int", `i${id}`], ["str", `w${id}`]]), level + 1))],
    () => [`for k${id}, v${id} in list(${expression(scope, "table", 1)}.items())[:6]:`, ...indent(block(inner([["str", `k${id}`], ["int", `v${id}`]]), level + 1))],
    () => [`c${id} = ${c.int(1, 6)}`, `while c${id} > 0 and ${expression(scope, "bool", 1)}:`, ...indent([`c${id} -= 1`, ...block(scope, level + 1), ...leave()]), ...rest()],
  ];
  return c.pick(heads)();
}

function branch(scope: Scope, level: number): string[] {
  const c = scope.choices;
  const more = (): string[] => c.pick([() => [], () => ["else:", ...indent(block(scope, level + 1))], () => [`elif (y := ${expression(scope, "int", 1)}) > 3:`, ...indent([...change(scope), "n0 += y % 10"])]])();
  return [`if ${expression(scope, "bool", depth)}:`, ...indent(block(scope, level + 1)), ...more()];
}

function guarded(scope: Scope, level: number): string[] {
  const c = scope.choices;
  if (c.int(0, 4) === 0) return [`with contextlib.suppress(${c.pick(exceptions)}):`, ...indent(block(scope, level + 1))];
  const raised = c.int(0, 3) === 0 ? [`raise ${c.pick(["ValueError('no')", "KeyError(n0)", "IndexError", "Exception('a', 1)", "Own(n0)"])}${c.pick(["", " from None"])}`] : [];
  return [
    "try:", ...indent([...block(scope, level + 1), ...raised]), `except ${c.pick(exceptions)} as error:`,
    `    s0 = (type(error).__name__ + ${c.pick(["''", "str(len(error.args))", "str(error)[:20]"])})[:60]`,
    ...c.pick([[], ["else:", ...indent(change(scope))]]), ...c.pick([[], ["finally:", ...indent(change(scope))]]),
  ];
}

/** Functions, classes and the like, each with its use. */
function definition(scope: Scope): string[] {
  const { choices: c } = scope;
  const e = (of: Type, deep = 1): string => expression(scope, of, deep);
  const k = String(c.int(1, 9));
  const forms: string[][] = [
    ["def go(n, seen=()):", `    return len(seen) if n <= 0 or n in seen else ${c.pick(["1 + ", ""])}go(n ${c.pick(["// 2", `- ${k}`])}, seen + (n,))`, `n0 = go(${e("int")} % 40)`],
    ["def step(by):", "    nonlocal n0", `    n0 = (n0 ${c.pick(["+", "-", "^"])} by) % 1009`, "    return n0", `z0 = [step(n) for n in ${e("ints")}[:4]]`],
    ["def many(n):", "    while n > 0:", "        got = yield n", `        n -= ${k} if got is None else got`, `    yield from ${c.pick(["'ab'", "(n, -n)", "[]"])}`, `w0 = [str(one) for one in many(${e("int")} % 30)][:12]`],
    ["class Box:", `    size = ${k}`, "    def __init__(self, *items, **more):", "        self.items, self.more = list(items), more", "    def __len__(self): return len(self.items)", "    def __getitem__(self, at): return self.items[at]", `    def __eq__(self, other): return len(self) == len(other)`, "    @property", "    def total(self): return sum(self.items) * self.size", "    @staticmethod", "    def of(n): return Box(*range(n % 5), extra=n)", "    @classmethod", "    def none(cls): return cls()", `b0 = Box.of(${e("int")})`, `z0 = [b0.total, len(b0), int(b0 == Box.none()), *b0, b0.more['extra'] % 97]`, ...c.pick([[], [`n0 = b0[${c.int(0, 4)}]`]])],
    ["def twice(function):", "    @functools.wraps(function)", "    def wrapped(*args, **more):", "        return function(function(*args, **more))", "    return wrapped", "@twice", `def one(n, *, k=${k}): return (n * k + 1) % 1009`, `n0 = one(${e("int")})`, "s0 = one.__name__ + one.__wrapped__.__name__"],
    ["class Base:", `    def name(self): return ${c.word()}`, "class Left(Base):", "    def name(self): return 'l' + super().name()", "class Both(Left, Base):", `    __slots__ = ('x',)`, "    def __call__(self, n): return n + len(self.name())", "    def __repr__(self): return f'<{self.name()}>'", `n0 = Both()(${e("int")} % 1000)`, "s0 = repr(Both()) + ' '.join(k.__name__ for k in Both.__mro__)"],
    [`match ${e(c.pick(["ints", "int", "str", "table"] as const))}:`, "    case []: s0 = 'empty'", `    case [first, *_] if first > ${k}: s0 = f'list {first % 1009}'`, "    case {'a': int(a)}: n0 = a", "    case 0 | 1 | 2: s0 = 'few'", "    case int(): s0 = 'int'", "    case str() as text: s0 = text[:9]", "    case _: s0 = 'other'"],
    [`first, *middle = ${e("ints")}`, "z0 = [first, len(middle)]", `a, (b, *_) = ${k}, 'xyz'`, "s0 = f'{a}{b}{_}'"],
    [`assert ${e("bool")}, ${c.word()}`], [`global counted`, `counted = ${e("int")} % 100`, "n0 = (n0 + counted) % 1009"],
    [`g0 = (n * n for n in ${e("ints")} for _ in 'ab' if n)`, `n0 = next(g0, ${k}) % 1009 + sum(g0) % 1009`, "s0 = str(list(g0))"],
    ["class Later:", "    async def __aenter__(self): return self", "    async def __aexit__(self, *why): return True", "    def __aiter__(self): self.n = 0; return self", "    async def __anext__(self):", `        if self.n > ${k}: raise StopAsyncIteration`, "        self.n += 1", "        return self.n", "async def later(n):", "    async with Later() as them: n += 1", "    async for one in them: n += one", "    return n + sum([one async for one in Later()]) + await anext(aiter(Later()))", "try: later(n0).send(None)", "except StopIteration as end: n0 = end.value % 1009"],
    ["class Row(list):", "    def __matmul__(self, other): return sum(map(operator.mul, self, other))", "    def __imatmul__(self, other): return Row(other)", "    def __getattr__(self, name): return name * 2", `r0 = Row(${e("ints")})`, "n0 = (r0 @ r0) % 1009", "s0 = r0.ab + str(hasattr(r0, 'x')) + getattr(object(), 'no', 'none')", `r0 @= [${k}]`, "z0 = list(r0)"],
    ["try:", `    raise ExceptionGroup('g', [ValueError(${k}), KeyError('k'), IndexError()][:${c.int(1, 3)}])`, "except* ValueError as group: n0 = len(group.exceptions)", "except* (KeyError, OSError) as group: s0 = repr(group)[:40]"],
    [`match ${e(c.pick(["bool", "float"] as const))}, ${c.pick(["None", "1.5", "Point(1, y=2)"])}:`, "    case True | False as b, None: s0 = f'both {b}'", "    case float(x), 1.5: s0 = 'floats'", "    case _, Point(x=1, y=z): n0 = z", "    case [_, None | 1.5]: s0 = 'rest'"],
    ["class Thing: kind, size = 'k', 3", "t0 = Thing()", `setattr(t0, 'size', ${e("int")} % 1009)`, "n0 = vars(t0)['size'] + Thing.size", "del t0.size", `w0 = sorted(name for name in dir(Thing) if name[0] != '_') + [str(callable(Thing)), str(issubclass(bool, int)), str('f' in globals()), str('t0' in locals())]`],
    [`z0 = list(memoryview(bytearray(b'abcdef'))[slice(${c.int(0, 3)}, None, 2)]) + list(iter(iter([1, 2, 3, ${k}]).__next__, 3))`, `z0 += [a * b for a, b in zip(z0, ${e("ints")}, strict=${e("bool")})]`, "print(*z0, sep=',')"],
    [`exec('made = ' + repr(${e("int")}))`, "n0 = eval('n0 + k', {'n0': n0, 'k': len(__name__)})", `s0 = compile('1 + ${k}', 'here', 'eval').co_filename + __import__('math').__name__`],
    [`slots = [lambda n, i=i: n * i for i in range(${k})]`, "z0 = [one(2) for one in slots]", "late = [lambda: i for i in range(3)]", "n0 = late[0]()"],
    ["log = []", "with contextlib.ExitStack() as stack:", "    for i in range(3): stack.callback(log.append, i)", "z0 = log"],
  ];
  for (const [type, name] of [["ints", "z0"], ["words", "w0"]] as const) if (!scope.names[type].includes(name)) scope.names[type].push(name);
  return ["z0, w0 = [], []", ...c.pick(forms)];
}

function block(scope: Scope, level: number): string[] {
  const c = scope.choices;
  // What a block binds may not be there after it.
  const own: Scope = { ...scope, names: Object.fromEntries(Object.entries(scope.names).map(([type, names]) => [type, [...names]])) as Scope["names"] };
  return Array.from({ length: c.int(1, level === 0 ? 4 : 2) }, () => statement(own, level)).flat();
}

function statement(scope: Scope, level: number): string[] {
  const deeper = [() => loop(scope, level), () => branch(scope, level), () => guarded(scope, level)];
  return scope.choices.pick([() => assignment(scope), () => assignment(scope), () => change(scope), ...(level < 2 ? deeper : [])])();
}

/** What `f` gives back: some variables, and now and then one of the types that have a constructor for a name. */
function result(scope: Scope): string {
  const c = scope.choices;
  const e = (of: Type): string => expression(scope, of, 1);
  const named: (() => string)[] = [
    () => `collections.Counter(${e("words")})`, () => `collections.deque(${e("ints")}, maxlen=${c.int(0, 5)})`, () => `collections.OrderedDict(${e("table")})`,
    () => `fractions.Fraction(${e("int")}, ${c.int(1, 60)})`, () => `decimal.Decimal(${e("int")} % 10 ** 9) / ${c.int(1, 9)}`, () => `frozenset(${e("numbers")})`,
    () => `(collections.Counter(${e("words")}) ${c.pick(["+", "-", "&", "|"])} collections.Counter(${e("words")}))`, () => `complex(${e("float")}, ${e("int")} % 10 ** 6) ${c.pick(["+ 1j", "* (1-2j)", "/ 2j"])}`,
    () => `{frozenset(${e("numbers")}): ${e("any")}}`, () => `collections.defaultdict(list, {${c.int(0, 9)}: ${e("ints")}})`, () => `(None, ..., ${e("any")})[::2]`, () => `{tuple(${e("words")}), ()}`,
  ];
  const parts = [...Object.values(scope.names).flatMap((names) => names.slice(0, 2)), e("any"), ...(c.int(0, 1) === 0 ? [c.pick(named)()] : [])];
  return `(${parts.join(", ")},)`;
}

/** A program that defines `f`, and a source of inputs for it. */
export function randomProgram(choices: Choices): { program: string; input: () => string } {
  const scope = newScope(choices);
  const types = Array.from({ length: choices.int(1, 3) }, () => choices.pick(["int", "str", "ints", "words", "table", "matrix", "float"] as const));
  const parameters = types.map((type, at) => (scope.names[type].push(`x${at}`), `x${at}`));
  scope.names.int.push("n0");
  scope.names.str.push("s0");
  const before = choices.int(0, 1) === 0 ? definition(scope) : [];
  const body = [`n0, s0 = ${choices.int(0, 99)}, ${choices.word()}`, ...before];
  for (let count = choices.int(2, 5); count > 0; count -= 1) body.push(...statement(scope, 0));
  const modules = ["math", "functools", "itertools", "collections", "contextlib", "re", "heapq", "bisect", "fractions", "decimal", "operator", "dataclasses"];
  const ending = result(scope);
  const text = [...body, ending].join("\n");
  const imports = modules.filter((name) => text.includes(`${name}.`) || (name === "dataclasses" && text.includes("Point("))).map((name) => `import ${name}`);
  const own = [
    ...(text.includes("Own(") ? ["class Own(LookupError):", "    pass"] : []),
    ...(text.includes("Point(") ? ["@dataclasses.dataclass", "class Point:", "    x: int", "    y: int = 0"] : []),
  ];
  const program = [...imports, ...own, `def f(${parameters.join(", ")}):`, ...indent(body), `    return ${ending}`].join("\n");
  const draw = { int: () => String(choices.int(-50, 200)), str: choices.text, ints: choices.ints, words: choices.words, table: choices.table, matrix: choices.matrix, float: choices.float };
  return { program, input: () => types.map((type) => draw[type]()).join(", ") };
}
