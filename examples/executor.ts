// Runs a program in the locked process, and judges two results by value. From a checkout, after `npm run build`:
//   npx jiti examples/executor.ts
import { openExecutor } from "absolute-zero";

await using executor = await openExecutor({ workers: 1 });
const { runs, deterministic } = await executor.run({
  program: "def f(text):\n    return {letter: text.count(letter) for letter in set(text)}",
  inputs: ["'banana'", "''", "3"],
  determinism: "full",
});
for (const { outcome, value, error } of runs) console.log(outcome, value ?? error);
console.log(`deterministic: ${deterministic}`);
