// A process with an executor that is busy in every way, to be killed by kills.test.ts: endless loops, one that cannot be ended by its own
// processor limit, and results that fill the pipe when nobody reads them.
import { openExecutor } from "../../../src/executor/open.ts";

const executor = await openExecutor({ workers: 4 });
const limits = { cpuMs: 600_000, wallMs: 600_000 };
const loop = "def f(x):\n    while True: pass";
const stubborn = "def f(x):\n    while True:\n        try:\n            while True: x = [x][0]\n        except BaseException: pass";
for (const program of [loop, stubborn]) void executor.run({ program, inputs: ["1"], limits });
const talk = async (): Promise<void> => {
  for (;;) await executor.run({ program: "import random\ndef f(x): return 'a' * 60_000", inputs: ["1", "2", "3", "4"] });
};
for (let lane = 0; lane < 6; lane += 1) void talk();
await executor.parse({ text: "1" });
console.log("busy");
