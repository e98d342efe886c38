// A process that opens an executor, runs one program and then, by its argument, ends by itself ("idle") or waits to be killed ("wait").
import { openExecutor } from "../../../src/executor/open.ts";

const executor = await openExecutor({ workers: 1 });
const { runs } = await executor.run({ program: "def f(x): return x + 1", inputs: ["41"] });
console.log(JSON.stringify(runs[0]?.value));
if (process.argv[2] === "wait") setInterval(() => undefined, 1000);
