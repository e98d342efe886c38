"""Runs inside the emulated arm64 machine that run.mjs starts: the GoogleTest binaries of the executor, then frames to azr-executor itself, as
root and as an ordinary user: layers, values, limits, the catalogue of attacks, and what determinism variants have in common and what not.

The last line is `arm64: N held, M failed`; run.mjs looks for it.
"""

import glob
import json
import os
import platform
import re
import subprocess
import time

from client import ANALYSE, HERE, LIMITS, PARSE, Executor, text

USER = 1000
held = 0
failures = []


def say(text):
    print(text, flush=True)


def check(name, seen, wanted):
    global held
    if seen == wanted:
        held += 1
        return
    failures.append(name)
    say(f"FAILED {name}: {str(seen)[:300]} where {str(wanted)[:300]} must come")


def whole(pieces):
    return pieces if isinstance(pieces, str) else "".join(piece if isinstance(piece, str) else piece[0] * piece[1] for piece in pieces)


def refused(source):
    return len(source.encode("utf-8", "surrogatepass")) > LIMITS["sourceBytes"] or any("\ud800" <= letter <= "\udfff" for letter in source)


def observe(executor, attack):
    """What one line of the catalogue gives: its runs, and whether it is deterministic (None when that was not asked for or cannot be told)."""
    if "text" in attack:
        literal = whole(attack["text"])
        if refused(literal):
            return [("bad-request", "", "")], None
        return [executor.read(PARSE, bytes([attack.get("arguments", False)]) + text(literal))], None
    program, inputs = whole(attack.get("program", "")), [whole(one) for one in attack.get("inputs", [])]
    if attack.get("analyse"):
        return [("bad-request", "", "") if refused(program) else executor.read(ANALYSE, text(program))], None
    # The limits of a line are times on a real processor.
    limits = {name: value * 30 if name.endswith("Ms") else value for name, value in attack.get("limits", {}).items()}
    sent = [] if refused(program) else [one for one in inputs if not refused(one)]
    runs = executor.run(program, sent, 0, attack.get("isolation") == "program", {**LIMITS, **limits}) if sent else []
    answers = iter(runs)
    runs = [("bad-request", "", "") if refused(program) or refused(one) else next(answers) for one in inputs]
    variants = {"once": 0, "pair": 1, "full": 3}[attack.get("determinism", "once")]
    if variants == 0 or any(run[0] != "ok" for run in runs):
        return runs, None
    return runs, executor.deterministic(program, inputs, runs, variants)


def holds(attack, runs, deterministic):
    wants = attack["want"] if isinstance(attack["want"], list) else [attack["want"]] * len(runs)
    for (outcome, value, error), want in zip(runs, wants, strict=True):
        outcomes = want["outcome"].split("|")
        # The client, which is not here, refuses texts that its grammar does not read.
        if outcome not in outcomes and not (outcome == "ok" and outcomes == ["unrepresentable"]):
            return False
        if want.get("value", value) != value or want.get("error", error) != error:
            return False
    wanted = wants[0].get("deterministic") if wants else None
    return wanted is None or deterministic == wanted or (not wanted and any(run[0] != "ok" for run in runs))


HONEST = (
    ("def f(xs): return sorted(set(xs)), len(xs)", "[3, 1, 3]", "([1, 3], 3)"),
    ("from fractions import Fraction\ndef f(x): return x + Fraction(1, 3)", "Fraction(1, 6)", "Fraction(1, 2)"),
    ("import random, datetime\ndef f(x):\n    random.seed(x)\n    return random.randint(0, 9), str(datetime.date(2024, 1, 31))", "5",
     "(9, '2024-01-31')"),
    ("def f(n): return 2 ** n % 10**9, n / 7, 1e300 * 1e300, {n: b'\\xff'}, frozenset({n})", "100",
     "(703205376, 14.285714285714286, inf, {100: b'\\xff'}, frozenset({100}))"),
    ("def f(n): return 1 if n == 0 else n * f(n - 1)", "200", None),
)
# Outcomes, one at a time: what a program does, and how its run must end.
ENDS = (
    ("def f(x):\n    while True: pass", "time-limit", "", {"cpuMs": 300}),
    ("def f(x): return [0] * 10**10", "memory-limit", "", {}),
    ("def f(x):\n    a = []\n    while True: a.append('x' * 100000)", "memory-limit", "", {"memoryBytes": 32 << 20}),
    ("def f(x): return open('/etc/passwd').read()", "runtime-error", "PermissionError", {}),
    ("import os\ndef f(x): return os.system('true')", "runtime-error", "PermissionError", {}),
    ("import socket\ndef f(x): return 1", "runtime-error", "ModuleNotFoundError", {}),
    ("def f(x): return f(x)", "runtime-error", "RecursionError", {}),
    ("def f(x) return 1", "compile-error", "SyntaxError", {}),
    ("def f(x): return 'x' * 10**6", "output-limit", "", {}),
    ("def f(x): return f", "unrepresentable", "", {}),
    ("import os\ndef f(x): return os.chroot('/')", "violation", "", {}),
    ("import time\ndef f(x): return time.clock_settime(time.CLOCK_REALTIME, 0)", "violation", "", {}),
    ("import time\ndef f(x):\n    time.sleep(1000)\n    return 1", "ok", "", {}),
)
# Differ between variants, and each variant repeats itself.
VARYING = ("def f(x): return id(object())", "def f(x): return list({'a', 'b', 'c', 'd'})", "def f(x): return hash('a')",
           "def f(x): return id([]) % 4096", "def f(x): return str(f)", "import time\ndef f(x): return time.time()",
           "import random\ndef f(x): return random.random()", "import os\ndef f(x): return os.getpid()")


def try_executor(user):
    executor = Executor(user)
    who = "root" if user == 0 else "an ordinary user"
    say(f"== azr-executor as {who}: ready after {executor.seconds:.1f} s, {json.dumps(executor.hello)}")
    for round_ in range(2):
        for program, given, value in HONEST:
            outcome, seen, _ = executor.run(program, [given])[0]
            check(f"{who}: honest {program[:40]!r}", (outcome, seen if value else None), ("ok", value))
            check(f"{who}: deterministic {program[:40]!r}", executor.deterministic(program, [given], [(outcome, seen, "")], 3), True)
    for program, outcome, error, limits in ENDS:
        seen = executor.run(program, ["1"], limits={**LIMITS, **limits})[0]
        check(f"{who}: {program[:60]!r}", (seen[0], seen[2] if error else ""), (outcome, error))
    for program in VARYING:
        values = [[executor.run(program, ["1"], variant)[0][1] for _ in range(2)] for variant in range(4)]
        check(f"{who}: each variant repeats {program!r}", [one == two for one, two in values], [True] * 4)
        # Two seeds can give four strings the same order; an executor needs one that differs from A.
        differ = len({one for one, _ in values})
        say(f"   {differ} values of 4 variants: {program!r}")
        check(f"{who}: variants differ in {program!r}", differ >= 2, True)
    began, runs = time.monotonic(), 0
    while time.monotonic() - began < 5:
        executor.run(HONEST[0][0], [HONEST[0][1]])
        runs += 1
    say(f"   {(time.monotonic() - began) / runs * 1000:.0f} ms a run on the emulated processor")
    counts, left_out = {}, 0
    for path in sorted(glob.glob(f"{HERE}/attacks/*.jsonl")):
        for line in open(path, encoding="utf-8"):
            attack = json.loads(line)
            name = f"{attack['class']} {attack['id']}"
            if "after" in attack:
                left_out += 1
                continue
            executor.message = ""
            runs, deterministic = observe(executor, attack)
            if "text" in attack and "time" in executor.message:
                say(f"   left out: {name} needs more than the second that a parse has ({executor.message})")
                continue
            right = holds(attack, runs, deterministic)
            check(f"{who}: attack {name}", (right, runs, deterministic, executor.message), (True, runs, deterministic, executor.message))
            counts[attack["class"]] = counts.get(attack["class"], 0) + 1
    say(f"   catalogue: {counts}; {left_out} lines after takeover.py are left out, because it is written for x86-64")
    check(f"{who}: the executor ends with its input", executor.close(), 0)


def try_binaries(user):
    global held
    for path in sorted(glob.glob(f"{HERE}/test/executor_*")):
        began = time.monotonic()
        who = {"user": user, "group": user, "extra_groups": []} if user else {}
        done = subprocess.run([path, "--gtest_brief=1"], capture_output=True, text=True, cwd="/tmp", **who)
        passed = int((re.findall(r"\[  PASSED  \] (\d+) test", done.stdout) or [0])[-1])
        failed = sorted(set(re.findall(r"^\[  FAILED  \] (\S+?),? ", done.stdout + " ", re.M)))
        held += passed
        say(f"== {os.path.basename(path)} as user {user}: {passed} passed, {len(failed)} failed, {time.monotonic() - began:.0f} s")
        if done.returncode != 0:
            failures.extend(failed or [f"{path} ended with {done.returncode}"])
            say(done.stdout[-6000:] + done.stderr[-2000:])


def main():
    name = platform.uname()
    say(f"== Linux {name.release} {name.machine}, pages of {os.sysconf('SC_PAGESIZE')} bytes, Python {platform.python_version()}")
    for user in (0, USER):
        try_binaries(user)
        try_executor(user)
    for failure in failures:
        say(f"failed: {failure}")
    say(f"arm64: {held} held, {len(failures)} failed")


main()
