# Plain CPython's answers to programs, for comparison with the executor's: JSON in, JSON out. Run with `python3 -I`.
# Every input gets a fresh namespace. The encoder is written anew here, from the grammar in docs/executor.md.
import builtins
import collections
import contextlib
import decimal
import fractions
import io
import json
import sys

sys.setrecursionlimit(1000)


# What a literal may name. One NaN for all, so that containers with it are equal to themselves.
names = {
    "inf": float("inf"), "nan": float("nan"), "Counter": collections.Counter, "deque": collections.deque, "OrderedDict": collections.OrderedDict,
    "defaultdict": dict, "Fraction": fractions.Fraction, "Decimal": decimal.Decimal,
}


class Unrepresentable(Exception):
    pass


class TooLong(Exception):
    pass


def entries(value):
    return "{" + ", ".join(f"{encode(k)}: {encode(v)}" for k, v in value.items()) + "}"


def members(value):
    return ", ".join(sorted((encode(item) for item in value), key=lambda text: text.encode()))


def encode(value):
    kind = type(value)
    if kind is int:
        try:
            return repr(value)
        except ValueError:
            raise TooLong from None
    if kind in (type(None), bool, float, complex, str, bytes):
        return repr(value)
    if kind is list:
        return "[" + ", ".join(map(encode, value)) + "]"
    if kind is tuple:
        return "(" + ", ".join(map(encode, value)) + ("," if len(value) == 1 else "") + ")"
    if kind is set:
        return "{" + members(value) + "}" if value else "set()"
    if kind is frozenset:
        return "frozenset({" + members(value) + "})" if value else "frozenset()"
    if kind in (dict, collections.defaultdict):
        return entries(value)
    if kind in (collections.Counter, collections.OrderedDict):
        return f"{kind.__name__}({entries(value)})"
    if kind is collections.deque:
        return "deque([" + ", ".join(map(encode, value)) + "])"
    if kind in (fractions.Fraction, decimal.Decimal):
        return repr(value)
    raise Unrepresentable(kind.__name__)


def builtin_name(error):
    return next(c.__name__ for c in type(error).__mro__ if vars(builtins).get(c.__name__) is c)


def answer(program, text):
    try:
        code = compile(program, "<program>", "exec")
    except (SyntaxError, ValueError) as error:
        return {"outcome": "compile-error", "error": builtin_name(error)}
    namespace = {"__name__": "__main__"}
    try:
        exec(code, namespace)
        value = eval(f"f({text})", {**names, "f": namespace["f"]}) if "f" in namespace else eval("f", {})
    except BaseException as error:
        return {"outcome": "runtime-error", "error": builtin_name(error)}
    try:
        text = encode(value)
        return {"outcome": "ok", "value": text} if len(text.encode()) <= 65536 else {"outcome": "output-limit"}
    except Unrepresentable:
        return {"outcome": "unrepresentable"}
    except TooLong:
        return {"outcome": "output-limit"}


answers = []
for item in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        answers.append([answer(item["program"], text) for text in item["inputs"]])
json.dump(answers, sys.stdout)
