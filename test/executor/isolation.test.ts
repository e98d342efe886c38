// The real executor on hostile work, and its life: limits, attempts to get out, aborts, disposal. (kills.test.ts: deaths from outside.)
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { Outcome } from "../../src/executor/executor.ts";
import { findPython } from "../../src/executor/find-python.ts";
import { openExecutor } from "../../src/executor/open.ts";
import { descendantsOf, isAlive, nativeMissing, supervisorsOf } from "./support/native.ts";

if (nativeMissing !== false) {
  t.plan(0, nativeMissing);
  process.exit(0);
}

const executor = await openExecutor({ workers: 2 });
t.teardown(() => executor.dispose());

const loop = "def f(x):\n    while True: pass";
const marker = join(t.testdir(), "escaped");

const hostile: [name: string, program: string, outcomes: Outcome[]][] = [
  ["os.system", `import os\ndef f(x): return os.system('touch ${marker}')`, ["runtime-error"]],
  ["os.popen", `import os\ndef f(x): return os.popen('touch ${marker}').read()`, ["runtime-error"]],
  ["subprocess", `import subprocess\ndef f(x): return subprocess.run(['touch', '${marker}'])`, ["runtime-error"]],
  ["os.execv", `import os\ndef f(x): os.execv('/bin/touch', ['touch', '${marker}'])`, ["runtime-error"]],
  ["os.fork", "import os\ndef f(x): return os.fork()", ["runtime-error"]],
  ["socket", "import socket\ndef f(x): return socket.socket().fileno()", ["runtime-error"]],
  ["_socket", "import _socket\ndef f(x): return _socket.socket().fileno()", ["runtime-error"]],
  ["writing a file", `def f(x): open('${marker}', 'w').close()`, ["runtime-error"]],
  ["writing by descriptor", "import os\ndef f(x): return sum(1 for n in range(64) if os.write(n, b'x'))", ["runtime-error"]],
  ["reading a file", "def f(x): return open('/etc/passwd').read()", ["runtime-error"]],
  ["reading by descriptor", "import os\ndef f(x): return os.read(0, 10)", ["runtime-error"]],
  ["listing a folder", "import os\ndef f(x): return os.listdir('/')", ["runtime-error"]],
  ["killing the parent", "import os\ndef f(x): return os.kill(os.getppid(), 9)", ["runtime-error"]],
  ["a thread", "import threading\ndef f(x):\n    threading.Thread(target=print).start()", ["runtime-error"]],
  ["ctypes", "import ctypes\ndef f(x): return ctypes.CDLL(None).getpid()", ["runtime-error"]],
  ["os._exit", "import os\ndef f(x): os._exit(0)", ["runtime-error", "violation"]],
  ["sys.exit", "import sys\ndef f(x): sys.exit(0)", ["runtime-error"]],
  ["an endless loop", loop, ["time-limit"]],
  ["an endless loop that catches everything", "def f(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass", ["time-limit"]],
  ["an endless loop on import", "while True: pass\ndef f(x): return x", ["time-limit"]],
  ["one long call in C", "def f(x): return 3 ** (10 ** 9) % 7", ["time-limit", "memory-limit"]],
  ["a regular expression", "import re\ndef f(x): return re.match('(a+)+$', 'a' * 60 + 'b')", ["time-limit"]],
  ["a lock taken twice", "import threading\ndef f(x):\n    lock = threading.Lock()\n    lock.acquire()\n    lock.acquire()", ["time-limit", "runtime-error"]],
  ["ten gigabytes in a list", "def f(x): return len([0] * (10 * 2 ** 30 // 8))", ["memory-limit"]],
  ["ten gigabytes, bit by bit", "def f(x):\n    xs = []\n    while True: xs.append('a' * 10_000_000)", ["memory-limit"]],
  ["a huge string", "def f(x): return 'a' * 10_000_000", ["output-limit"]],
  ["a huge list", "def f(x): return [0] * 1_000_000", ["output-limit"]],
  ["a huge integer", "def f(x): return 10 ** 100_000", ["output-limit"]],
  ["printing without end", "def f(x):\n    while True: print('a' * 1000)", ["time-limit", "memory-limit"]],
  ["a list that holds itself", "def f(x):\n    xs = []\n    xs.append(xs)\n    return xs", ["unrepresentable"]],
  ["a list too deep", "def f(x):\n    xs = []\n    for _ in range(100_000): xs = [xs]\n    return xs", ["unrepresentable"]],
  ["an object that lies about equality", "class E:\n    __eq__ = lambda s, o: True\ndef f(x): return E()", ["unrepresentable"]],
  ["a class that claims to be an int", "class E:\n    __class__ = int\ndef f(x): return E()", ["unrepresentable"]],
  ["recursion without limit", "import sys\ndef f(x):\n    sys.setrecursionlimit(10 ** 9)\n    def g(): return g()\n    return g()", ["runtime-error", "memory-limit", "time-limit"]],
  ["brackets without end", `def f(x): return ${"(".repeat(20_000)}x${")".repeat(20_000)}`, ["compile-error"]],
];

t.test("hostile programs get an outcome, and the next task is unaffected", async (t) => {
  const honest = { program: "import os, builtins\ndef f(x): return x, len([1]), sorted(vars(os) and [2, 1])", inputs: ["'alive'"] };
  for (const [name, program, outcomes] of hostile) {
    const { runs } = await executor.run({ program, inputs: ["1"], limits: { cpuMs: 300, wallMs: 1500 } });
    t.ok(outcomes.includes(runs[0]!.outcome), `${name}: ${runs[0]!.outcome} ${runs[0]!.error ?? ""}`, { run: runs[0], wanted: outcomes });
    t.equal(runs[0]!.value, undefined);
    t.equal((await executor.run(honest)).runs[0]!.value, "('alive', 1, [1, 2])", `after ${name}`);
  }
  t.notOk(existsSync(marker), "nothing got out");
});

t.test("a wait that nothing can end does not last", async (t) => {
  for (const wait of ["lock.acquire()", "lock.acquire(timeout=60)", "threading.Condition().wait_for(lambda: False, 60)", "threading.Event().wait()"]) {
    const program = `import threading\nlock = threading.Lock()\nlock.acquire()\ndef f(x):\n    return ${wait}`;
    const { runs } = await executor.run({ program, inputs: ["1"] });
    t.equal(runs[0]!.outcome, "runtime-error", wait);
    t.ok(runs[0]!.wallMs < 1000, `${wait}: ${runs[0]!.wallMs} ms`);
  }
});

t.test("what one program changes, the next does not see", async (t) => {
  const spoil = "import builtins, math, sys, collections\nbuiltins.len = lambda x: 42\nmath.pi = 3\nsys.modules.clear()\ncollections.Counter.__init__ = None\ndef f(x): return len(x)";
  t.equal((await executor.run({ program: spoil, inputs: ["[]"] })).runs[0]!.value, "42");
  const check = "import math, collections\ndef f(x): return len(x), math.pi > 3.1, collections.Counter('aa')";
  for (let turn = 0; turn < 4; turn += 1) {
    t.equal((await executor.run({ program: check, inputs: ["[]"] })).runs[0]!.value, "(0, True, Counter({'a': 2}))");
  }
});

t.test("no frame, argument or variable above the program", async (t) => {
  const program = "import sys, os\ndef f(x): return sys._getframe().f_back is None, sys.argv, dict(os.environ)";
  t.equal((await executor.run({ program, inputs: ["1"] })).runs[0]!.value, "(True, [''], {})");
});

t.test("sleeping moves the program's clock and takes no time", async (t) => {
  const program = "import time\ndef f(x):\n    start = time.monotonic()\n    time.sleep(x)\n    return x <= time.monotonic() - start < x + 1";
  const { runs } = await executor.run({ program, inputs: ["1000"] });
  t.match(runs, [{ outcome: "ok", value: "True" }]);
  t.ok(runs[0]!.wallMs < 1000);
});

t.test("limits hold, and are told", async (t) => {
  const { runs } = await executor.run({ program: loop, inputs: ["1"], limits: { cpuMs: 200 } });
  t.equal(runs[0]!.outcome, "time-limit");
  t.ok(runs[0]!.cpuMs >= 190 && runs[0]!.cpuMs < 260, `${runs[0]!.cpuMs} ms of processor time for 200`);
  const kept = "def f(x): return len('a' * 100_000_000)";
  t.equal((await executor.run({ program: kept, inputs: ["1"], limits: { memoryBytes: 256 * 2 ** 20 } })).runs[0]!.outcome, "ok");
  t.equal((await executor.run({ program: kept, inputs: ["1"], limits: { memoryBytes: 64 * 2 ** 20 } })).runs[0]!.outcome, "memory-limit");
  const long = "def f(x): return 'a' * x";
  const sizes = await executor.run({ program: long, inputs: ["998", "999"], limits: { outputBytes: 1000 } });
  t.same(sizes.runs.map(({ outcome }) => outcome), ["ok", "output-limit"]);
  t.ok(sizes.runs.every(({ cpuMs, wallMs }) => cpuMs > 0 && wallMs >= 0 && wallMs < 1000));
});

t.test("aborting", async (t) => {
  const controller = new AbortController();
  const stuck = Array.from({ length: 30 }, () => executor.run({ program: loop, inputs: ["1", "2"], limits: { cpuMs: 60_000, wallMs: 60_000 }, signal: controller.signal }));
  const settled = Promise.allSettled(stuck);
  setTimeout(() => controller.abort(), 100);
  for (const result of await settled) t.match(result, { status: "rejected", reason: { code: "AZR_ABORTED" } });
  const start = performance.now();
  t.equal((await executor.run({ program: "def f(x): return x", inputs: ["1"] })).runs[0]!.value, "1");
  t.ok(performance.now() - start < 2000, "the workers are free again");
});

t.test("openings that fail", async (t) => {
  const table: [options: Parameters<typeof openExecutor>[0], message: RegExp][] = [
    [{ python: "/nonexistent/python3" }, /there is no \/nonexistent\/python3/],
    [{ python: "/bin/false" }, /does not start/],
    [{ python: "/bin/echo" }, /answers nothing that makes sense/],
    [{ folder: "/nonexistent" }, /cannot start/],
  ];
  for (const [options, message] of table) await t.rejects(openExecutor(options), { code: "AZR_EXECUTOR_UNAVAILABLE", message, hint: /./ });
  await t.rejects(openExecutor({ limits: { wallMs: -1 } }), { code: "AZR_INPUT_INVALID" });
  await t.rejects(openExecutor({ allowUntestedPython: "yes" as never }), { code: "AZR_INPUT_INVALID", message: /allowUntestedPython/ });
});

t.test("a Python that is not tested runs programs only when that is allowed", async (t) => {
  // Says that it is the next version, and is this one.
  const python = join(t.testdir({}), "python3.14");
  const real = await findPython();
  writeFileSync(python, `#!/bin/sh\n[ "$1 $2 $3" = "-I -S -c" ] && echo "3 14 0 final cpython locked ${real}" && exit\nexec "${real}" "$@"\n`);
  chmodSync(python, 0o755);
  await t.rejects(openExecutor({ python }), { code: "AZR_EXECUTOR_UNAVAILABLE", message: /not tested with Python 3\.14\.0/, hint: /allowUntestedPython/ });
  const own = await openExecutor({ python, allowUntestedPython: true, workers: 1 });
  t.match(await own.run({ program: "def f(x): return x + 1", inputs: ["1"] }), { runs: [{ value: "2" }] });
  await own.dispose();
});

t.test("disposal leaves nothing behind", async (t) => {
  const others = new Set(supervisorsOf());
  const own = await openExecutor({ workers: 1 });
  const [supervisor] = supervisorsOf().filter((pid) => !others.has(pid));
  const below = descendantsOf(supervisor!);
  t.ok(below.length >= 4, "four zygotes");
  const stuck = own.run({ program: loop, inputs: ["1"] });
  await Promise.all([t.rejects(stuck, { code: "AZR_DISPOSED" }), own[Symbol.asyncDispose]()]);
  t.notOk(isAlive(supervisor!));
  await new Promise((resolve) => setTimeout(resolve, 200));
  t.same(below.filter(isAlive), []);
  await t.rejects(own.run({ program: loop, inputs: ["1"] }), { code: "AZR_DISPOSED" });
  await t.rejects(own.parse({ text: "1" }), { code: "AZR_DISPOSED" });
});

const idleProcess = fileURLToPath(new URL("./support/idle-process.ts", import.meta.url));

t.test("an idle executor does not keep its process alive", async (t) => {
  const result = spawnSync(process.execPath, [...process.execArgv, idleProcess], { encoding: "utf8", timeout: 30_000 });
  t.same([result.status, result.signal, result.stdout], [0, null, '"42"\n'], result.stderr);
});
