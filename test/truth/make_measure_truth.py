#!/usr/bin/env python3
"""Writes test/executor/fixtures/measures.json: what radon, complexipy, black and difflib say of a set of programs.

    pip install radon==6.0.1 complexipy==1.2.0 black==25.1.0
    python3.11 test/truth/make_measure_truth.py

The formulas are those of the authors' code (branch `paper`, rewards/code_reward.py): programs are formatted with black first, trees are
compared as JSON. Our own measures do not format; that this changes nothing for these programs is what the fixture shows.
"""
import ast
import difflib
import json
import os

import black
from complexipy import code_complexity
from radon.complexity import cc_visit
from radon.metrics import h_visit

PROGRAMS = [
    "def f(a):\n    return a",
    "def f(x):\n    return x",
    "def f(a, b=2):\n    c = sorted(x * 2 for x in a if x > b)[::-1]\n    return c + [b]",
    """def f(nums, k):
    total = 0
    seen = {}
    for i, n in enumerate(nums):
        if n % k == 0 and n > 3:
            total += n * i
        elif n in seen:
            total -= seen[n]
        else:
            seen[n] = i
    rest = [x for x in nums if x not in seen]
    while total > 100:
        total //= 2
        rest.append(total)
    return sorted(rest)[::-1], total
""",
    """def f(text, width):
    words = text.split()
    lines, line = [], []
    count = 0
    for w in words:
        if count + len(w) + len(line) > width:
            lines.append(" ".join(line))
            line, count = [], 0
        line.append(w)
        count += len(w)
    if line:
        lines.append(" ".join(line))
    stack = []
    for l in lines:
        for ch in l:
            if stack and stack[-1] == ch:
                stack.pop()
            else:
                stack.append(ch)
    return {"lines": len(lines), "rest": "".join(stack)}
""",
    """import math
from collections import Counter


class Node:
    def __init__(self, value, left=None, right=None):
        self.value = value
        self.left = left
        self.right = right

    def depth(self):
        if self.left is None and self.right is None:
            return 1
        return 1 + max(self.left.depth() if self.left else 0, self.right.depth() if self.right else 0)


class Empty:
    size = 0


def build(values):
    if not values:
        return None
    middle = len(values) // 2
    return Node(values[middle], build(values[:middle]), build(values[middle + 1:]))


def f(values):
    root = build(sorted(set(values)))
    counts = Counter(v % 3 for v in values)
    return (root.depth() if root is not None else 0, dict(counts), math.floor(1.5), -len(values))
""",
    """def f(items):
    def helper(n):
        def inner(m):
            for k in range(m):
                if k > 2 or k == 1 and m:
                    return k
            return m
        return inner(n) + 1
    try:
        out = [helper(i) if i else 0 for i in items]
    except (TypeError, ValueError):
        out = []
    except KeyError:
        if items:
            out = [1]
        raise
    else:
        out = out or [0]
    finally:
        assert out is not None
    match len(out):
        case 0:
            return "none"
        case 1 | 2:
            if out[0] > 1:
                return "few"
        case n if n > 9:
            return "many"
        case _:
            return "some"
    return out
""",
    """def f(a):
    for i in range(a):
        for j in range(i):
            while j > 0:
                if j % 2:
                    x = i if i else j
                    y = {1: a and i, **{2: j or i}}
                elif j % 3:
                    x = not (i and j)
                    y = max(i or j, a and j)
                else:
                    x = i and j
                    y = i or j
                    z = (i and j, [i or j], {i and a})
                j -= 1
            else:
                pass
        else:
            a += 1
    with open as g:
        if a:
            pass
    return lambda q: q and a or [v for v in range(q) if v if v > 1]
""",
    """@staticmethod
def decorate(g, times=1 + 2):
    def wrapped(*args, **kwargs):
        if args and kwargs:
            return g(*args, **kwargs)
        return None
    return wrapped


async def later(x):
    async for y in x:
        if y:
            return y


def f(a: int, *, b: str = "x" + "y") -> list:
    global seen
    seen = f"{a!r} and {b}"
    a **= 2
    a = a if a < 3 < 5 != 6 else -a
    return [x.a + y.a for x in a for y in x if x.a is not y.a or True == 1.0]
""",
    "x = 1\nif x > 0:\n    y = x\nelse:\n    y = x and 1\nz = [i for i in range(3)]\n",
    "def f(s):\n    t = 'ÄÖÜ ΑΒΓ' + s\n    return {c: t.count(c) for c in set(t)}, b'\\x00', 1j, ...\n",
    "def f(s):\n    return s + 'QZXWVKJ' * 3 + 'QZXWVKJQZXWVKJ'[::-1] + '0123456789' + 'QZXWVKJ'\n",
    "def f(s):\n    t = 'QZXWVKJ' * 2\n    return t + '0123456789'.join([s, 'KJQZXWV'])\n",
    "",
]


def plain(node):
    out = {"node_type": type(node).__name__}
    for field, value in ast.iter_fields(node):
        if field == "ctx":
            continue
        if isinstance(value, list):
            out[field] = [plain(item) for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            out[field] = plain(value)
        elif value is not None:
            out[field] = value
    return out


def distance(one, other):
    try:
        texts = [json.dumps(plain(ast.parse(black.format_str(code, mode=black.Mode()))), sort_keys=True, indent=2) for code in (one, other)]
    except Exception:
        return 0.0
    return 1.0 - difflib.SequenceMatcher(None, *texts).ratio()


def measured(at, program):
    code = black.format_str(program, mode=black.Mode())
    total = h_visit(code).total
    largest = max((block.complexity for block in cc_visit(code)), default=1)
    score = 0.5 * min(total.effort / 10000, 1.0) + 0.3 * min(largest / 10, 1.0) + 0.2 * min(total.volume / 500, 1.0)
    references = [(at + step) % len(PROGRAMS) for step in (1, 2, 5)]
    distances = [distance(program, PROGRAMS[other]) for other in references]
    return {
        "program": program,
        "references": references,
        "cognitive": code_complexity(code).complexity,
        "cyclomatic": largest,
        "effort": total.effort,
        "volume": total.volume,
        "halstead": round(score, 3),
        "distance": sum(distances) / len(distances),
    }


if __name__ == "__main__":
    path = os.path.join(os.path.dirname(__file__), "..", "executor", "fixtures", "measures.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump([measured(at, program) for at, program in enumerate(PROGRAMS)], file, indent=1)
        file.write("\n")
