// A process that opens an executor, runs one program, and then has nothing to do.
import { openExecutor } from "../../../src/executor/open.ts";

const executor = await openExecutor({ workers: 1 });
const { runs } = await executor.run({ program: "def f(x): return x + 1", inputs: ["41"] });
console.log(JSON.stringify(runs[0]?.value));
