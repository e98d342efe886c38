// Runs many of the grammar's programs in one locked child: a corpus needs hundreds of thousands of runs, and a child a
// program would spend nearly all its time on starting. The programs are our own and keep no state, so they may share one.
// Used by corpus.mjs.

const programsPerRun = 32;
const limits = { cpuMs: 50, wallMs: 500 };

/**
 * A function (program, inputs) -> outputs as value texts, undefined where the program failed. Calls made in the same turn of the
 * event loop are put together; results do not depend on how.
 */
export function createBatchRunner(executor) {
  let waiting = [];

  async function flush() {
    const batch = waiting.splice(0, programsPerRun);
    if (waiting.length > 0) setImmediate(flush);
    const functions = batch.map(({ program }, at) => program.replace("def f(", `def g${at}(`)).join("\n");
    const program = `${functions}\n_functions = [${batch.map((_, at) => `g${at}`).join(", ")}]\ndef f(which, a):\n    return _functions[which](a)\n`;
    const inputs = batch.flatMap((job, at) => job.inputs.map((input) => `${at}, ${input}`));
    try {
      const { runs } = await executor.run({ program, inputs, determinism: "once", isolation: "program", limits });
      let from = 0;
      for (const { inputs: own, resolve } of batch) {
        resolve(runs.slice(from, from + own.length).map(({ outcome, value }) => (outcome === "ok" ? value : undefined)));
        from += own.length;
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return function run(program, inputs) {
    if (waiting.length === 0) setImmediate(flush);
    return new Promise((resolve, reject) => waiting.push({ program, inputs, resolve, reject }));
  };
}
