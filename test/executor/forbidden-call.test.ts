// A violation names the call that was made. The task runs a second time for that, and only then.
import t from "tap";
import { openExecutorFor } from "./support/open.ts";

const executor = await openExecutorFor(t);
const message = (name: string): string => `made the system call ${name}, which only an attack makes`;

t.test("by name, with the inputs before it answered as ever", async (t) => {
  const program = "import os\ndef f(x):\n    if x == 2: os.chroot('/')\n    return x";
  const { runs } = await executor.run({ program, inputs: ["1", "2", "3"], isolation: "program" });
  t.match(runs, [{ outcome: "ok", value: "1" }, { outcome: "violation", message: message("chroot") }, { outcome: "violation", message: message("chroot") }]);
});

t.test("many at a time, among honest ones", async (t) => {
  const answers = await Promise.all(Array.from({ length: 60 }, async (_, at) => {
    const program = at % 3 === 0 ? "import time\ndef f(x): time.clock_settime(0, 1.0)" : "def f(x): return x * 2";
    return (await executor.run({ program, inputs: [String(at)] })).runs[0]!;
  }));
  for (const [at, run] of answers.entries()) {
    if (at % 3 === 0) t.match(run, { outcome: "violation", message: message("clock_settime") });
    else t.match(run, { outcome: "ok", value: String(2 * at) });
  }
  t.equal(executor.stats().sandboxErrors, 0);
});
